// What each wrong answer of a source becomes: the table of docs/how-to/weather-errors.md, in code.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/http_client/http_client.h"

namespace stratus::weather {

// google.rpc.ErrorInfo.domain of every error made here.
inline constexpr char kErrorDomain[] = "weather.stratus";

// google.rpc.ErrorInfo.reason.
namespace reason {
inline constexpr char kUnreachable[] = "SOURCE_UNREACHABLE";    // UNAVAILABLE: refused, reset, no such host
inline constexpr char kTimeout[] = "SOURCE_TIMEOUT";            // UNAVAILABLE: no answer in time
inline constexpr char kFailed[] = "SOURCE_FAILED";              // UNAVAILABLE: 5xx, or any status not named here
inline constexpr char kBadAnswer[] = "SOURCE_BAD_ANSWER";       // UNAVAILABLE: not JSON, truncated, wrong shape
inline constexpr char kTooLarge[] = "SOURCE_ANSWER_TOO_LARGE";  // UNAVAILABLE: over the size limit
inline constexpr char kRateLimited[] = "SOURCE_RATE_LIMITED";   // RESOURCE_EXHAUSTED: 429
inline constexpr char kBudgetSpent[] = "SOURCE_BUDGET_SPENT";   // RESOURCE_EXHAUSTED: our own limit
inline constexpr char kKeyRejected[] = "SOURCE_KEY_REJECTED";   // INTERNAL: 401, the key is wrong
inline constexpr char kPlanMissing[] = "SOURCE_PLAN_MISSING";   // INTERNAL: 401 or 403, the key lacks a plan
inline constexpr char kRequestRefused[] = "SOURCE_REFUSED";     // INTERNAL: 400, the source and we disagree
inline constexpr char kPlaceNotFound[] = "PLACE_NOT_FOUND";     // NOT_FOUND
inline constexpr char kPlaceAmbiguous[] = "PLACE_AMBIGUOUS";    // FAILED_PRECONDITION
}  // namespace reason

// A status with ErrorInfo {reason, domain, metadata.source}.
absl::Status SourceError(absl::StatusCode code, std::string_view error_reason, std::string_view source,
                         std::string_view message);

// The reason of an error made here; empty for any other.
std::string ReasonOf(const absl::Status& status);

// For an answer whose status is not 200.
// `now` is what a Retry-After that names a date counts from.
absl::Status ErrorOfHttpStatus(std::string_view source, const http_client::Response& response, absl::Time now);

// For no answer at all: what http_client::Client reported.
absl::Status ErrorOfTransport(std::string_view source, const absl::Status& failure);

// For an answer of status 200 that cannot be used; `what` says what is wrong with it, in our words.
absl::Status BadAnswer(std::string_view source, std::string_view what);

// The wait from `now` that Retry-After asks for, in seconds or by a date; at most an hour. Nothing when absent or
// neither.
std::optional<absl::Duration> RetryAfter(const http_client::Response& response, absl::Time now);

}  // namespace stratus::weather
