// What the WeatherService does, apart from gRPC: requests in, replies or errors out by callback.
//
//   core.GetToday(request, deadline, [](absl::StatusOr<EncodedReply> reply) {...});
//
// A reply that is in the cache comes before the method returns, on the caller's thread. Otherwise the callback runs on
// the HTTP client's, Redis's or the timers' thread and must not block. Errors carry google.rpc details
// (docs/how-to/weather-errors.md).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/api/httpbody.pb.h"
#include "services/weather/domain/query.h"
#include "services/weather/service/encoded_reply.h"
#include "services/weather/service/place_finder.h"
#include "services/weather/service/report_store.h"
#include "services/weather/service/source_budget.h"
#include "services/weather/sources/source_selector.h"

namespace stratus::weather {

struct CoreOptions {
  Coordinates default_place{21.0278, 105.8342};  // Hanoi
  ReportStoreOptions reports{};
  PlaceFinderOptions places{};
  BudgetOptions budget{};
};

class WeatherCore {
 public:
  template <typename T>
  using Done = std::function<void(absl::StatusOr<T>)>;

  // `shared` may be null. Everything passed outlives the core; see FlightCache for the order of the end.
  WeatherCore(CoreOptions options, const SourceSelector* sources, SharedCache* shared, const core::Clock* clock,
              TimerQueue* timers);

  // A v1::TodayWeather.
  void GetToday(const v1::GetTodayWeatherRequest& request, absl::Time deadline, Done<EncodedReply> done);
  void GetToday(const TodayQuery& query, absl::Time deadline, Done<EncodedReply> done);
  // A v1::Forecast.
  void GetForecast(const v1::GetForecastRequest& request, absl::Time deadline, Done<EncodedReply> done);
  void SearchPlaces(const v1::SearchPlacesRequest& request, absl::Time deadline, Done<v1::SearchPlacesResponse> done);
  void GetOpenWeather(const v1::GetOpenWeatherRequest& request, absl::Time deadline, Done<google::api::HttpBody> done);

  struct Stats {
    FlightCacheStats reports, places, raw;
    std::string source;  // the one that answers now
  };
  Stats stats() const;

 private:
  // A place to ask for; `named` is set when the caller gave a name.
  struct Target {
    Coordinates where;  // rounded
    std::shared_ptr<const PlaceInfo> named;
  };
  using Make = std::function<EncodedReply(const ReportEntry&, const std::string& stale_reason, const PlaceInfo*)>;

  void Resolve(Source& source, const Where& where, const std::string& language, absl::Time deadline, Done<Target> done);
  void WithReport(const Where& where, const std::string& language, absl::Time deadline, Make make,
                  Done<EncodedReply> done);
  void WithReportAt(Source& source, const Target& target, const std::string& language, absl::Time deadline, Make make,
                    Done<EncodedReply> done);
  void FetchRaw(Source& source, const RawRequest& request, absl::Time deadline, Done<google::api::HttpBody> done);

  const CoreOptions options_;
  const SourceSelector* const sources_;
  const core::Clock* const clock_;
  SourceBudget budget_;
  ReportStore reports_;
  PlaceFinder places_;
  FlightCache<RawReply> raw_;
};

}  // namespace stratus::weather
