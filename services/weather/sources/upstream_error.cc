#include "services/weather/sources/upstream_error.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "lib/http_client/retry.h"

namespace stratus::weather {
namespace {

constexpr absl::Duration kRetryAfterMax = absl::Hours(1);
constexpr absl::Duration kRateLimitPause = absl::Seconds(60);  // both sources count by the minute
constexpr absl::Duration kFailurePause = absl::Seconds(5);
// A source's error text is short; what comes beyond is not looked at.
constexpr size_t kErrorTextBytesMax = 2048;

// OpenWeather says 401 both for a wrong key and for a key without the plan that a call needs; its text tells.
bool SpeaksOfAPlan(std::string_view body) {
  const std::string text = absl::AsciiStrToLower(core::ToAbsl(body.substr(0, kErrorTextBytesMax)));
  return absl::StrContains(text, "subscription") || absl::StrContains(text, "subscribe") ||
         absl::StrContains(text, " plan");
}

absl::Status KeyError(std::string_view source, const http_client::Response& response) {
  if (SpeaksOfAPlan(response.body)) {
    return SourceError(absl::StatusCode::kInternal, reason::kPlanMissing, source,
                       absl::StrCat("the server's API key for ", core::ToAbsl(source),
                                    " lacks the plan this call needs; its operator has to subscribe to it"));
  }
  return SourceError(
      absl::StatusCode::kInternal, reason::kKeyRejected, source,
      absl::StrCat(core::ToAbsl(source), " does not accept the server's API key; its operator has to set a valid one"));
}

}  // namespace

absl::Status SourceError(absl::StatusCode code, std::string_view error_reason, std::string_view source,
                         std::string_view message) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(error_reason));
  info.set_domain(kErrorDomain);
  if (!source.empty()) (*info.mutable_metadata())["source"] = std::string(source);
  return core::WithDetail(core::Error(code, message), info);
}

std::string ReasonOf(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  return core::GetDetail(status, &info) && info.domain() == kErrorDomain ? info.reason() : std::string();
}

std::optional<absl::Duration> RetryAfter(const http_client::Response& response, absl::Time now) {
  const auto asked = http_client::ParseRetryAfter(response.Header("retry-after"), now);
  if (!asked) return std::nullopt;
  return std::min(*asked, kRetryAfterMax);
}

absl::Status ErrorOfHttpStatus(std::string_view source, const http_client::Response& response, absl::Time now) {
  const absl::string_view name = core::ToAbsl(source);
  switch (response.status) {
    case 400:
      return SourceError(absl::StatusCode::kInternal, reason::kRequestRefused, source,
                         absl::StrCat(name, " refused the server's request (HTTP 400)"));
    case 401:
    case 403: return KeyError(source, response);
    case 404:
      return SourceError(absl::StatusCode::kNotFound, reason::kPlaceNotFound, source,
                         absl::StrCat(name, " knows no such place"));
    case 429:
      return core::WithRetryAfter(
          SourceError(absl::StatusCode::kResourceExhausted, reason::kRateLimited, source,
                      absl::StrCat(name, " has had too many requests from this server (HTTP 429)")),
          RetryAfter(response, now).value_or(kRateLimitPause));
    default:
      return core::WithRetryAfter(
          SourceError(absl::StatusCode::kUnavailable, reason::kFailed, source,
                      absl::StrCat(name, " answered with an error (HTTP ", response.status, ")")),
          RetryAfter(response, now).value_or(kFailurePause));
  }
}

absl::Status ErrorOfTransport(std::string_view source, const absl::Status& failure) {
  const absl::string_view name = core::ToAbsl(source);
  switch (failure.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return SourceError(absl::StatusCode::kUnavailable, reason::kTimeout, source,
                         absl::StrCat(name, " did not answer in time"));
    case absl::StatusCode::kResourceExhausted:
      return SourceError(absl::StatusCode::kUnavailable, reason::kTooLarge, source,
                         absl::StrCat(name, " sent an answer over the size limit"));
    case absl::StatusCode::kCancelled: return failure;
    default:
      // The client's message names host and path alone (http_client.h).
      return core::WithRetryAfter(SourceError(absl::StatusCode::kUnavailable, reason::kUnreachable, source,
                                              absl::StrCat(name, " cannot be reached: ", failure.message())),
                                  kFailurePause);
  }
}

absl::Status BadAnswer(std::string_view source, std::string_view what) {
  return core::WithRetryAfter(
      SourceError(absl::StatusCode::kUnavailable, reason::kBadAnswer, source,
                  absl::StrCat(core::ToAbsl(source), " sent an answer that cannot be used: ", core::ToAbsl(what))),
      kFailurePause);
}

}  // namespace stratus::weather
