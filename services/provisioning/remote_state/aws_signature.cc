#include "services/provisioning/remote_state/aws_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/core/status.h"

namespace stratus::provisioning::remote_state {
namespace {

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";

std::string HmacSha256(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest, &size);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

std::string Hex(std::string_view bytes) { return absl::BytesToHexString(core::ToAbsl(bytes)); }

struct Target {
  std::string host;  // as libcurl sends it: without the scheme's own port
  std::string path;
};

Target TargetOf(std::string_view url) {
  const bool tls = url.starts_with("https://");
  url.remove_prefix(
      std::min(url.size(), tls ? std::string_view("https://").size() : std::string_view("http://").size()));
  const size_t slash = std::min(url.find('/'), url.size());
  const std::string_view path = slash < url.size() ? url.substr(slash) : "/";
  Target target{std::string(url.substr(0, slash)), std::string(path)};
  const std::string_view own_port = tls ? ":443" : ":80";
  if (std::string_view(target.host).ends_with(own_port)) target.host.resize(target.host.size() - own_port.size());
  return target;
}

// Percent-encoded but for letters, digits and `plain`.
std::string Encoded(std::string_view text, std::string_view plain) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || plain.find(c) != plain.npos) {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace

std::string Sha256(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

std::string UriPath(std::string_view key) { return Encoded(key, "._~-/"); }

std::string UriQuery(std::string_view value) { return Encoded(value, "._~-"); }

void Sign(const AwsCredentials& credentials, std::string_view region, std::string_view service, absl::Time now,
          http_client::Request* request) {
  const std::string time = absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  const std::string day = time.substr(0, 8);
  const std::string payload_hash = Hex(Sha256(request->body));
  request->headers.emplace_back("x-amz-content-sha256", payload_hash);
  request->headers.emplace_back("x-amz-date", time);
  if (!credentials.session_token.empty()) {
    request->headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  const Target target = TargetOf(request->url);
  std::map<std::string, std::string> signed_headers = {{"host", target.host}};
  for (const auto& [name, value] : request->headers) {
    signed_headers[absl::AsciiStrToLower(name)] = std::string(absl::StripAsciiWhitespace(value));
  }
  std::string lines, names;
  for (const auto& [name, value] : signed_headers) {
    absl::StrAppend(&lines, name, ":", value, "\n");
    absl::StrAppend(&names, names.empty() ? "" : ";", name);
  }
  const std::string canonical =
      absl::StrCat(request->method, "\n", target.path, "\n\n", lines, "\n", names, "\n", payload_hash);
  const std::string scope = absl::StrCat(day, "/", core::ToAbsl(region), "/", core::ToAbsl(service), "/aws4_request");
  const std::string to_sign = absl::StrCat(kAlgorithm, "\n", time, "\n", scope, "\n", Hex(Sha256(canonical)));
  std::string key = HmacSha256("AWS4" + credentials.secret, day);
  for (const std::string_view part : {region, service, std::string_view("aws4_request")}) key = HmacSha256(key, part);
  request->headers.emplace_back("authorization",
                                absl::StrCat(kAlgorithm, " Credential=", credentials.key_id, "/", scope,
                                             ", SignedHeaders=", names, ", Signature=", Hex(HmacSha256(key, to_sign))));
}

}  // namespace stratus::provisioning::remote_state
