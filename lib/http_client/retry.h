// When to send a request again: how long to wait, and whether there is budget for it.
#pragma once

#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace stratus::http_client {

// Bounds retries over time to one per five first tries, after a start of ten. Not thread-safe.
class RetryBudget {
 public:
  void OnFirstTry();
  // Takes one retry out of the budget; false when there is none left.
  bool TakeRetry();

 private:
  static constexpr int kPartsPerRetry = 5;
  static constexpr int kPartsMax = 10 * kPartsPerRetry;
  int parts_ = kPartsMax;
};

// Full jitter: uniform in [0, min(backoff_max, backoff_base * 2^retries_done)]. `fraction` is in [0, 1).
absl::Duration BackoffDelay(absl::Duration backoff_base, absl::Duration backoff_max, int retries_done, double fraction);

// The value of a Retry-After header, seconds or an HTTP date (RFC 9110, 10.2.3), as a wait from `now`, never negative.
// Nothing when it is neither.
std::optional<absl::Duration> ParseRetryAfter(std::string_view value, absl::Time now);

// 429, 502, 503 and 504: the server asks for another try, or something in front of it did not reach it.
bool IsRetryableStatus(int status);

}  // namespace stratus::http_client
