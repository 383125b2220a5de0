#include "lib/http_client/retry.h"

#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "lib/core/status.h"

namespace stratus::http_client {

void RetryBudget::OnFirstTry() { parts_ = std::min(parts_ + 1, kPartsMax); }

bool RetryBudget::TakeRetry() {
  if (parts_ < kPartsPerRetry) return false;
  parts_ -= kPartsPerRetry;
  return true;
}

absl::Duration BackoffDelay(absl::Duration backoff_base, absl::Duration backoff_max, int retries_done,
                            double fraction) {
  absl::Duration ceiling = backoff_base;
  for (int i = 0; i < retries_done && ceiling < backoff_max; ++i) ceiling *= 2;
  return std::min(ceiling, backoff_max) * fraction;
}

std::optional<absl::Duration> ParseRetryAfter(std::string_view value, absl::Time now) {
  const bool digits =
      !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    int64_t seconds = 0;
    if (!absl::SimpleAtoi(core::ToAbsl(value), &seconds)) return absl::InfiniteDuration();  // more than 2^63
    return absl::Seconds(seconds);
  }
  // IMF-fixdate and the two obsolete forms that a recipient has to take (RFC 9110, 5.6.7).
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    absl::Time at;
    std::string error;
    if (absl::ParseTime(form, core::ToAbsl(value), &at, &error)) return std::max(at - now, absl::ZeroDuration());
  }
  return std::nullopt;
}

bool IsRetryableStatus(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

}  // namespace stratus::http_client
