// How many requests a minute this process sends to each source: a little under what the sources allow, since retries
// count there too.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "lib/core/clock.h"
#include "services/weather/service/token_bucket.h"

namespace stratus::weather {

struct BudgetOptions {
  int openweather_per_minute = 54;  // the free plan allows 60
  int open_meteo_per_minute = 540;  // non-commercial use allows 600
  int sandbox_per_minute = 60'000;
};

class SourceBudget {
 public:
  SourceBudget(const BudgetOptions& options, const core::Clock* clock);

  // Takes `requests` from the source's budget, or RESOURCE_EXHAUSTED (SOURCE_BUDGET_SPENT) with RetryInfo.
  absl::Status Take(std::string_view source, int requests);

 private:
  std::map<std::string, std::unique_ptr<TokenBucket>, std::less<>> buckets_;
};

}  // namespace stratus::weather
