#include "services/weather/service/source_budget.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/weather/sources/upstream_error.h"

namespace stratus::weather {

SourceBudget::SourceBudget(const BudgetOptions& options, const core::Clock* clock) {
  const std::pair<const char*, int> limits[] = {{"openweather", options.openweather_per_minute},
                                                {"open-meteo", options.open_meteo_per_minute}};
  for (const auto& [source, per_minute] : limits) {
    if (per_minute > 0) buckets_[source] = std::make_unique<TokenBucket>(per_minute, clock);
  }
}

absl::Status SourceBudget::Take(std::string_view source, int requests) {
  const auto bucket = buckets_.find(source);
  if (bucket == buckets_.end()) return absl::OkStatus();
  const absl::Duration wait = bucket->second->Take(requests);
  if (wait <= absl::ZeroDuration()) return absl::OkStatus();
  return core::WithRetryAfter(
      SourceError(absl::StatusCode::kResourceExhausted, reason::kBudgetSpent, source,
                  absl::StrCat("this server's budget of requests to ", core::ToAbsl(source), " is spent for now")),
      std::max(absl::Ceil(wait, absl::Seconds(1)), absl::Seconds(1)));
}

}  // namespace stratus::weather
