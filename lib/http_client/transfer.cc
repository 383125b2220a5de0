#include "lib/http_client/transfer.h"

#include <openssl/x509.h>

#include <algorithm>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "lib/http_client/retry.h"

namespace stratus::http_client {
namespace {

constexpr size_t kHeaderBytesMax = 64 << 10;

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool HasLineBreakOrNul(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

// `us-east-1`, `xray`: what a credential's scope is put together from.
bool IsScopePart(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
}

bool HasQuery(const Url& url) {
  char* query = nullptr;
  const bool has = curl_url_get(url.handle(), CURLUPART_QUERY, &query, 0) == CURLUE_OK;
  curl_free(query);
  return has;
}

bool HasHeader(const Request& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
    return absl::EqualsIgnoreCase(core::ToAbsl(header.first), core::ToAbsl(name));
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Transfer>> Transfer::Create(const Options& options, const Request& request,
                                                           const Url& url, void* owner) {
  std::unique_ptr<Transfer> transfer(new Transfer(options, request, url));
  if (!transfer->handle_) return absl::ResourceExhaustedError("no memory for a request");
  if (absl::Status status = transfer->SetHeaders(); !status.ok()) return status;
  if (absl::Status status = transfer->SetMethod(); !status.ok()) return status;
  if (absl::Status status = transfer->SetSigning(); !status.ok()) return status;
  if (!transfer->SetRules(owner)) return absl::InternalError("libcurl lacks an option that the client needs");
  return transfer;
}

Transfer::Transfer(const Options& options, const Request& request, const Url& url)
    : options_(options), request_(request), url_(url), handle_(curl_easy_init()) {}

bool Transfer::AppendHeader(const std::string& line) {
  curl_slist* longer = curl_slist_append(header_lines_.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)header_lines_.release();  // NOLINT(bugprone-unused-return-value): it is the head of `longer`
  header_lines_.reset(longer);
  return true;
}

// Neither the pause that waits for 100 Continue nor a content type that the caller did not choose.
bool Transfer::LeaveOutDefaults() {
  return AppendHeader("Expect:") && (HasHeader(request_, "content-type") || AppendHeader("Content-Type:"));
}

// libcurl (7.88 at least) signs a header that it was told to leave out, so nothing is left out here.
bool Transfer::AppendSessionToken() {
  const std::string& token = request_.aws_signing->session_token;
  return token.empty() || AppendHeader(absl::StrCat("X-Amz-Security-Token: ", token));
}

absl::Status Transfer::SetHeaders() {
  bool ok = true;
  for (const auto& [name, value] : request_.headers) {
    if (!IsToken(name)) return absl::InvalidArgumentError("a request header's name is not a token");
    if (HasLineBreakOrNul(value)) {
      return absl::InvalidArgumentError(absl::StrCat("request header ", name, ": its value holds a line break or NUL"));
    }
    // libcurl takes `Name:` as "leave it out" and `Name;` as "send it empty".
    ok = ok && AppendHeader(value.empty() ? name + ";" : absl::StrCat(name, ": ", value));
  }
  ok = ok && (request_.aws_signing ? AppendSessionToken() : LeaveOutDefaults());
  ok = ok && curl_easy_setopt(handle(), CURLOPT_HTTPHEADER, header_lines_.get()) == CURLE_OK;
  return ok ? absl::OkStatus() : absl::ResourceExhaustedError("no memory for a request");
}

absl::Status Transfer::SetMethod() {
  if (!IsToken(request_.method)) return absl::InvalidArgumentError("the request's method is not a token");
  if (request_.method == "HEAD") {
    curl_easy_setopt(handle(), CURLOPT_NOBODY, 1L);
    return absl::OkStatus();
  }
  if (request_.method == "GET" && request_.body.empty()) return absl::OkStatus();
  const bool has_body = !request_.body.empty() || request_.method == "POST" || request_.method == "PUT";
  if (has_body) {
    curl_easy_setopt(handle(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(handle(), CURLOPT_POSTFIELDS, request_.body.data());
  }
  curl_easy_setopt(handle(), CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  return absl::OkStatus();
}

absl::Status Transfer::SetSigning() {
  if (!request_.aws_signing) return absl::OkStatus();
  const AwsSigning& signing = *request_.aws_signing;
  if (!IsScopePart(signing.region) || !IsScopePart(signing.service)) {
    return absl::InvalidArgumentError("the region or the service to sign a request for is no name");
  }
  if (signing.access_key_id.empty() || signing.secret_access_key.empty() || HasLineBreakOrNul(signing.access_key_id) ||
      HasLineBreakOrNul(signing.secret_access_key) || HasLineBreakOrNul(signing.session_token)) {
    return absl::InvalidArgumentError("the credentials to sign a request with are incomplete, or hold a line break");
  }
  const bool empty_header = std::any_of(request_.headers.begin(), request_.headers.end(),
                                        [](const auto& header) { return header.second.empty(); });
  if (HasHeader(request_, "authorization") || HasHeader(request_, "expect") || empty_header) {
    return absl::InvalidArgumentError("a request to be signed has Authorization, Expect or an empty header");
  }
  if (!request_.body.empty() && !HasHeader(request_, "content-type")) {
    return absl::InvalidArgumentError("a request to be signed has a body without a content type");
  }
  if (HasQuery(url_)) return absl::InvalidArgumentError("a request to be signed has a query");
  const std::string scope = absl::StrCat("aws:amz:", signing.region, ":", signing.service);
  const bool ok = curl_easy_setopt(handle(), CURLOPT_AWS_SIGV4, scope.c_str()) == CURLE_OK &&
                  curl_easy_setopt(handle(), CURLOPT_USERNAME, signing.access_key_id.c_str()) == CURLE_OK &&
                  curl_easy_setopt(handle(), CURLOPT_PASSWORD, signing.secret_access_key.c_str()) == CURLE_OK &&
                  // A body of a megabyte is announced by `Expect`; nobody waits for the answer.
                  curl_easy_setopt(handle(), CURLOPT_EXPECT_100_TIMEOUT_MS, 1L) == CURLE_OK;
  return ok ? absl::OkStatus() : absl::InternalError("libcurl cannot sign requests");
}

bool Transfer::SetRules(void* owner) {
  bool ok = true;
  const auto set = [&](CURLoption option, auto value) {
    ok = ok && curl_easy_setopt(handle(), option, value) == CURLE_OK;
  };
  set(CURLOPT_CURLU, url_.handle());
  set(CURLOPT_PRIVATE, owner);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options_.ca_file.empty()) set(CURLOPT_CAINFO, options_.ca_file.c_str());
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(options_.connect_timeout)));
  set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(options_.response_bytes_max));
  set(CURLOPT_NOSIGNAL, 1L);
  // Without it, ending a transfer whose host name is still being resolved blocks the loop until the resolver is done.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  // libcurl repeats a request by itself when a kept connection turns out to be closed. One that must not come twice
  // gets a connection of its own.
  set(CURLOPT_FRESH_CONNECT, request_.idempotent ? 0L : 1L);
  set(CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  if (request_.compressed_reply) set(CURLOPT_ACCEPT_ENCODING, "");
  return ok;
}

size_t Transfer::OnBody(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const size_t bytes = size * count;
  if (transfer->response_.body.size() + bytes > transfer->options_.response_bytes_max) {
    transfer->over_limit_ = true;
    return 0;  // ends the transfer
  }
  transfer->response_.body.append(data, bytes);
  return bytes;
}

size_t Transfer::OnHeader(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const size_t bytes = size * count;
  transfer->header_bytes_ += bytes;
  if (transfer->header_bytes_ > kHeaderBytesMax) {
    transfer->over_limit_ = true;
    return 0;
  }
  const std::string_view line(data, bytes);
  // A status line: the header of a 1xx reply came before, or none did.
  if (line.starts_with("HTTP/")) transfer->response_.headers.clear();
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || line.starts_with("HTTP/")) return bytes;
  transfer->response_.headers.emplace_back(
      absl::AsciiStrToLower(core::ToAbsl(line.substr(0, colon))),
      std::string(absl::StripAsciiWhitespace(core::ToAbsl(line.substr(colon + 1)))));
  return bytes;
}

AttemptResult Transfer::Finish(CURLcode code) {
  AttemptResult result;
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(handle(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    result.response = std::move(response_);
    result.host_failed = status >= 500;
    result.retryable = IsRetryableStatus(static_cast<int>(status));
    return result;
  }
  result.status = Failure(code);
  result.host_failed = absl::IsUnavailable(result.status);
  const bool never_changes = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
                             code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY;
  result.retryable = result.host_failed && !never_changes;
  return result;
}

absl::Status Transfer::Failure(CURLcode code) const {
  if (over_limit_ || code == CURLE_FILESIZE_EXCEEDED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the reply is over the limit of ", options_.response_bytes_max, " bytes"));
  }
  if (code == CURLE_OUT_OF_MEMORY) return absl::ResourceExhaustedError("no memory for a request");
  long detail = 0;
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    curl_easy_getinfo(handle(), CURLINFO_SSL_VERIFYRESULT, &detail);
    // libcurl compares the host after the chain has passed, and leaves the result unspecified where that fails.
    const bool chain_passed = detail == X509_V_OK || detail == X509_V_ERR_UNSPECIFIED;
    return absl::UnavailableError(
        absl::StrCat("its TLS certificate is refused: ",
                     chain_passed ? "it is not for this host" : X509_verify_cert_error_string(detail)));
  }
  if (code == CURLE_SSL_CACERT_BADFILE) {
    return absl::UnavailableError(absl::StrCat("cannot read the CA file ", options_.ca_file));
  }
  // CURLOPT_PROTOCOLS_STR cannot be the cause: Url has checked the scheme.
  if (code == CURLE_UNSUPPORTED_PROTOCOL) return absl::UnavailableError("its reply is not HTTP");
  curl_easy_getinfo(handle(), CURLINFO_OS_ERRNO, &detail);
  if (code == CURLE_COULDNT_CONNECT && detail != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot connect: ", std::generic_category().message(static_cast<int>(detail))));
  }
  if (code == CURLE_OPERATION_TIMEDOUT) return absl::UnavailableError("cannot connect: timed out");
  return absl::UnavailableError(curl_easy_strerror(code));
}

}  // namespace stratus::http_client
