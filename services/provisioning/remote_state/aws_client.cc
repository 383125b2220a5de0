#include "services/provisioning/remote_state/aws_client.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::provisioning::remote_state {
namespace {

constexpr absl::Duration kCallMax = absl::Seconds(20);
constexpr size_t kCodeBytesMax = 100;
constexpr size_t kMessageBytesMax = 300;

template <size_t n>
bool IsOneOf(std::string_view code, const std::array<std::string_view, n>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// Those that come with 400, where HTTP's own status does not tell them from a mistake of ours.
constexpr std::array<std::string_view, 8> kDenied = {"AccessDenied",
                                                     "AccessDeniedException",
                                                     "ExpiredToken",
                                                     "ExpiredTokenException",
                                                     "InvalidClientTokenId",
                                                     "InvalidAccessKeyId",
                                                     "InvalidSignatureException",
                                                     "UnrecognizedClientException"};
constexpr std::array<std::string_view, 5> kPassing = {"ThrottlingException", "ProvisionedThroughputExceededException",
                                                      "RequestLimitExceeded", "SlowDown", "RequestTimeout"};
constexpr std::array<std::string_view, 3> kCondition = {"PreconditionFailed", "ConditionalRequestConflict",
                                                        "ConditionalCheckFailedException"};

absl::StatusCode CodeOf(int http_status, std::string_view code) {
  if (IsOneOf(code, kCondition) || http_status == 412) return absl::StatusCode::kAborted;
  if (IsOneOf(code, kPassing) || http_status == 429 || http_status >= 500) return absl::StatusCode::kUnavailable;
  if (IsOneOf(code, kDenied) || http_status == 401 || http_status == 403) return absl::StatusCode::kPermissionDenied;
  if (http_status == 404) return absl::StatusCode::kNotFound;
  return absl::StatusCode::kFailedPrecondition;
}

}  // namespace

absl::StatusOr<http_client::Response> AwsClient::Call(std::string_view method, std::string_view path,
                                                      std::vector<std::pair<std::string, std::string>> headers,
                                                      std::string body) {
  const absl::StatusOr<AwsCredentials> credentials = options_.credentials->Get();
  if (!credentials.ok()) return credentials.status();
  http_client::Request request;
  request.method = method;
  request.url = std::string(options_.endpoint).append(path);
  request.headers = std::move(headers);
  request.body = std::move(body);
  const absl::Time now = absl::Now();
  request.deadline = now + kCallMax;
  Sign(*credentials, options_.region, options_.service, now, &request);
  auto response = http_.Fetch(std::move(request));
  if (response.ok() || absl::IsInvalidArgument(response.status()) || absl::IsResourceExhausted(response.status())) {
    return response;
  }
  return absl::UnavailableError(response.status().message());
}

absl::Status AwsError(std::string_view what, int http_status, std::string_view code, std::string_view message) {
  const absl::StatusCode status = CodeOf(http_status, code);
  const bool expected = status == absl::StatusCode::kNotFound || status == absl::StatusCode::kAborted;
  if (!expected && !message.empty()) {
    core::Log(core::Severity::kWarning, "AWS refuses a call",
              {{"what", what}, {"code", code}, {"message", message.substr(0, kMessageBytesMax)}});
  }
  std::string text = absl::StrCat(core::ToAbsl(what), ": HTTP ", http_status);
  if (!code.empty()) absl::StrAppend(&text, ", ", core::ToAbsl(code.substr(0, kCodeBytesMax)));
  return core::Error(status, text);
}

}  // namespace stratus::provisioning::remote_state
