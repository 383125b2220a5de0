#include "lib/telemetry/otlp_settings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"

namespace stratus::telemetry {
namespace {

int HexDigit(char c) {
  const size_t at = std::string_view("0123456789abcdef").find(absl::ascii_tolower(static_cast<unsigned char>(c)));
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string PercentDecoded(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0;
    out.push_back(escape ? static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])) : text[i]);
    if (escape) i += 2;
  }
  return out;
}

std::string Value(const EnvironmentLookup& environment, std::string_view name) {
  return environment(name).value_or("");
}

std::string Url(const EnvironmentLookup& environment) {
  std::string url = Value(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  if (!url.empty()) return url;
  url = Value(environment, "OTEL_EXPORTER_OTLP_ENDPOINT");
  if (url.empty()) return url;
  while (absl::EndsWith(url, "/")) url.pop_back();
  return url + "/v1/traces";
}

// `us-east-1` of https://xray.us-east-1.amazonaws.com/v1/traces, or of China's .amazonaws.com.cn; else empty.
std::string XRayRegion(absl::string_view url) {
  if (!absl::ConsumePrefix(&url, "https://xray.")) return "";
  const absl::string_view host = url.substr(0, url.find_first_of("/:"));
  const size_t dot = host.find('.');
  if (dot == absl::string_view::npos) return "";
  const absl::string_view domain = host.substr(dot);
  return domain == ".amazonaws.com" || domain == ".amazonaws.com.cn" ? std::string(host.substr(0, dot)) : "";
}

absl::StatusOr<std::optional<http_client::AwsSigning>> Signing(const EnvironmentLookup& environment,
                                                               std::string_view url) {
  http_client::AwsSigning signing;
  signing.region = Value(environment, "STRATUS_OTLP_SIGV4_REGION");
  if (signing.region.empty()) signing.region = XRayRegion(core::ToAbsl(url));
  if (signing.region.empty()) return std::nullopt;
  signing.service = "xray";
  signing.access_key_id = Value(environment, "AWS_ACCESS_KEY_ID");
  signing.secret_access_key = Value(environment, "AWS_SECRET_ACCESS_KEY");
  signing.session_token = Value(environment, "AWS_SESSION_TOKEN");
  if (signing.access_key_id.empty() || signing.secret_access_key.empty()) {
    return absl::FailedPreconditionError(
        "X-Ray's own endpoint wants signed requests: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set");
  }
  const bool name = std::all_of(signing.region.begin(), signing.region.end(),
                                [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
  if (!name) return absl::InvalidArgumentError("the region of STRATUS_OTLP_SIGV4_REGION is no name of a region");
  if (url.find('?') != std::string_view::npos) return absl::InvalidArgumentError("X-Ray's own endpoint has no query");
  return signing;
}

absl::StatusOr<bool> Compresses(const EnvironmentLookup& environment, bool by_default) {
  std::string compression = Value(environment, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION");
  if (compression.empty()) compression = Value(environment, "OTEL_EXPORTER_OTLP_COMPRESSION");
  if (compression.empty()) return by_default;
  if (compression == "gzip") return true;
  if (compression == "none") return false;
  return absl::InvalidArgumentError("OTEL_EXPORTER_OTLP_COMPRESSION is neither gzip nor none");
}

std::vector<std::pair<std::string, std::string>> Headers(const EnvironmentLookup& environment) {
  std::vector<std::pair<std::string, std::string>> headers;
  const std::string text = Value(environment, "OTEL_EXPORTER_OTLP_HEADERS");
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    headers.emplace_back(absl::StripAsciiWhitespace(pair.first),
                         PercentDecoded(absl::StripAsciiWhitespace(pair.second)));
  }
  return headers;
}

}  // namespace

absl::Status FindOtlpTarget(const EnvironmentLookup& environment, TracingOptions* options) {
  std::string url = Url(environment);
  if (url.empty()) return absl::OkStatus();
  if (!absl::StartsWith(url, "http://") && !absl::StartsWith(url, "https://")) {
    return absl::InvalidArgumentError("OTEL_EXPORTER_OTLP_ENDPOINT is no http:// or https:// URL");
  }
  auto signing = Signing(environment, url);
  if (!signing.ok()) return signing.status();
  const auto gzip = Compresses(environment, /*by_default=*/signing->has_value());
  if (!gzip.ok()) return gzip.status();
  std::vector<std::pair<std::string, std::string>> headers = Headers(environment);
  const bool authorized = std::any_of(headers.begin(), headers.end(), [](const auto& header) {
    return absl::EqualsIgnoreCase(header.first, "authorization");
  });
  if (authorized && signing->has_value()) {
    return absl::InvalidArgumentError("OTEL_EXPORTER_OTLP_HEADERS has an Authorization, and requests are to be signed");
  }
  options->otlp_url = std::move(url);
  options->otlp_headers = std::move(headers);
  options->otlp_gzip = *gzip;
  options->otlp_signing = *std::move(signing);
  return absl::OkStatus();
}

}  // namespace stratus::telemetry
