#include "services/weather/service/flight_cache.h"

#include <algorithm>

#include "google/rpc/error_details.pb.h"

namespace stratus::weather {

absl::Duration PauseAfter(const absl::Status& failure, const FlightCachePolicy& policy) {
  google::rpc::RetryInfo retry;
  if (!core::GetDetail(failure, &retry)) return policy.failure_pause;
  const absl::Duration asked =
      absl::Seconds(retry.retry_delay().seconds()) + absl::Nanoseconds(retry.retry_delay().nanos());
  return std::clamp(asked, std::min(policy.failure_pause, absl::Seconds(1)), policy.failure_pause_max);
}

}  // namespace stratus::weather
