// Reports by place: the cache in this process, then the one that replicas share, then the source within its budget.
#pragma once

#include <string>

#include "services/weather/service/flight_cache.h"
#include "services/weather/service/report_entry.h"
#include "services/weather/service/shared_cache.h"
#include "services/weather/service/source_budget.h"
#include "services/weather/sources/source.h"

namespace stratus::weather {

// To 0.01 degrees, about 1 km: what callers close to each other share.
Coordinates Rounded(const Coordinates& exact);

struct ReportStoreOptions {
  absl::Duration ttl = absl::Minutes(10);  // sources' data moves every ten minutes; zero turns caching off
  FlightCachePolicy policy;
};

class ReportStore {
 public:
  using Cache = FlightCache<ReportEntry>;

  // `shared` may be null. Everything passed outlives the store; see FlightCache for the order of the end.
  ReportStore(ReportStoreOptions options, SourceBudget* budget, SharedCache* shared, const core::Clock* clock,
              TimerQueue* timers);

  // `where` is rounded already, `language` is what the source's LanguageFor gave.
  static std::string Key(const Source& source, const Coordinates& where, std::string_view language);

  std::shared_ptr<const ReportEntry> FindFresh(std::string_view key) { return cache_.FindFresh(key); }

  void Get(Source& source, const std::string& key, ReportRequest request, absl::Time deadline, Cache::Done done);

  FlightCacheStats stats() const { return cache_.stats(); }

 private:
  using Landed = std::function<void(Cache::Fetched)>;

  void Fetch(Source& source, const std::string& key, const ReportRequest& request, absl::Time deadline, Landed done);
  void Ask(Source& source, const std::string& key, const ReportRequest& request, absl::Time deadline,
           std::shared_ptr<const ReportEntry> older, Landed done);
  Cache::Fetched Entry(SourceReport report) const;

  const ReportStoreOptions options_;
  SourceBudget* const budget_;
  SharedCache* const shared_;
  const core::Clock* const clock_;
  Cache cache_;
};

}  // namespace stratus::weather
