// Places by name, cached, and the errors when a name means none or several.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/weather/domain/model.h"
#include "services/weather/service/flight_cache.h"
#include "services/weather/service/source_budget.h"
#include "services/weather/sources/source.h"

namespace stratus::weather {

struct PlaceFinderOptions {
  absl::Duration ttl = absl::Hours(24);
  absl::Duration ttl_not_found = absl::Minutes(1);  // a typing mistake costs one request, a new town is soon found
  FlightCachePolicy policy{.serve_while_refreshing = absl::Hours(1), .stale_max = absl::Hours(24 * 30)};
};

class PlaceFinder {
 public:
  using Places = std::vector<PlaceInfo>;

  // Everything passed outlives the finder; see FlightCache for the order of the end.
  PlaceFinder(PlaceFinderOptions options, SourceBudget* budget, const core::Clock* clock, TimerQueue* timers);

  // What the source's geocoder knows, best match first; empty when nothing.
  void Search(Source& source, const PlacesRequest& request, absl::Time deadline, Source::Done<Places> done);

  // The one place of that name, `City, Region, Country` included. Which it is does not depend on the request's
  // language: where a qualifier does not hold in that language, it is tried in English. NOT_FOUND (PLACE_NOT_FOUND)
  // without one; FAILED_PRECONDITION (PLACE_AMBIGUOUS) with several, which a google.rpc.PreconditionFailure lists.
  void FindOne(Source& source, const PlacesRequest& request, absl::Time deadline, Source::Done<PlaceInfo> done);

  FlightCacheStats stats() const { return cache_.stats(); }

 private:
  // What a search found: all of it, and the places that its text can mean (place_match.h), worked out once.
  struct Found {
    Places all;
    Places matches;
  };
  using Cache = FlightCache<Found>;

  void Find(Source& source, const PlacesRequest& request, absl::Time deadline, Cache::Done done);
  void FindInEnglish(Source& source, const PlacesRequest& request, absl::Time deadline, Cache::Pointer first,
                     Source::Done<PlaceInfo> done);

  const PlaceFinderOptions options_;
  SourceBudget* const budget_;
  const core::Clock* const clock_;
  Cache cache_;
};

}  // namespace stratus::weather
