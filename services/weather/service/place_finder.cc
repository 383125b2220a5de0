#include "services/weather/service/place_finder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "services/weather/domain/place_match.h"
#include "services/weather/sources/fetch.h"
#include "services/weather/sources/upstream_error.h"

namespace stratus::weather {
namespace {

// Details travel in trailers, which are bounded.
constexpr size_t kCandidatesMax = 10;
constexpr size_t kCandidatesInMessageMax = 4;
constexpr double kSamePointKilometers = 1;

bool IsEnglish(const std::string& language) {
  return language.empty() || absl::StartsWithIgnoreCase(language, "en-") || absl::EqualsIgnoreCase(language, "en");
}

std::string Describe(const PlaceInfo& place) {
  std::string text = place.name;
  for (const std::string& part : {place.region, place.country_code}) {
    if (!part.empty()) absl::StrAppend(&text, ", ", part);
  }
  return text;
}

std::string CoordinatesText(const Coordinates& where) {
  return absl::StrCat(DegreesText(where.latitude), ",", DegreesText(where.longitude));
}

absl::Status NotFound(const Source& source, std::string_view name) {
  return SourceError(absl::StatusCode::kNotFound, reason::kPlaceNotFound, source.name(),
                     absl::StrCat("no place is called `", core::ToAbsl(name), "`"));
}

absl::Status Ambiguous(const Source& source, std::string_view name, const std::vector<PlaceInfo>& places) {
  std::string message =
      absl::StrCat("`", core::ToAbsl(name), "` is the name of ", places.size(),
                   " places; ask for one by its coordinates, or add its region or country after a comma: ");
  google::rpc::PreconditionFailure candidates;
  for (size_t i = 0; i < std::min(places.size(), kCandidatesMax); ++i) {
    const std::string description = Describe(places[i]);
    const std::string coordinates = CoordinatesText(places[i].coordinates);
    if (i < kCandidatesInMessageMax) absl::StrAppend(&message, i == 0 ? "" : "; ", description, " (", coordinates, ")");
    auto* violation = candidates.add_violations();
    violation->set_type("PLACE");
    violation->set_subject(coordinates);
    violation->set_description(description);
  }
  if (places.size() > kCandidatesInMessageMax) message += "; ...";
  return core::WithDetail(
      SourceError(absl::StatusCode::kFailedPrecondition, reason::kPlaceAmbiguous, source.name(), message), candidates);
}

}  // namespace

PlaceFinder::PlaceFinder(PlaceFinderOptions options, SourceBudget* budget, const core::Clock* clock, TimerQueue* timers)
    : options_(std::move(options)), budget_(budget), clock_(clock), cache_(options_.policy, clock, timers) {}

void PlaceFinder::Find(Source& source, const PlacesRequest& request, absl::Time deadline, Cache::Done done) {
  const std::string key = absl::StrCat(core::ToAbsl(source.name()), "|", absl::AsciiStrToLower(request.language), "|",
                                       absl::AsciiStrToLower(request.text));
  const auto fetch = [this, &source, request](absl::Time fetch_deadline, std::function<void(Cache::Fetched)> landed) {
    if (absl::Status spent = budget_->Take(source.name(), source.requests_per_search(request)); !spent.ok()) {
      return landed({.error = spent});
    }
    source.FetchPlaces(request, fetch_deadline, [this, request, landed](absl::StatusOr<Places> places) {
      if (!places.ok()) return landed({.error = places.status()});
      const absl::Duration ttl = places->empty() ? options_.ttl_not_found : options_.ttl;
      Found found = {.all = *std::move(places), .matches = {}};
      found.matches = MatchPlaces(ParsePlaceName(request.text), request.language, found.all);
      landed({.value = std::make_shared<const Found>(std::move(found)), .fetched_at = clock_->Now(), .ttl = ttl});
    });
  };
  cache_.Get(key, deadline, fetch, std::move(done));
}

void PlaceFinder::Search(Source& source, const PlacesRequest& request, absl::Time deadline, Source::Done<Places> done) {
  Find(source, request, deadline, [done = std::move(done)](absl::StatusOr<Cache::Hit> hit) {
    // Where a town lies does not change while the geocoder is away: a stale answer needs no label.
    if (!hit.ok()) return done(hit.status());
    done(hit->value->all);
  });
}

void PlaceFinder::FindOne(Source& source, const PlacesRequest& request, absl::Time deadline,
                          Source::Done<PlaceInfo> done) {
  Find(source, request, deadline,
       [this, &source, request, deadline, done = std::move(done)](absl::StatusOr<Cache::Hit> hit) {
         if (!hit.ok()) {
           // The geocoder's 404 means the same as its empty list.
           const bool none = hit.status().code() == absl::StatusCode::kNotFound;
           return done(none ? NotFound(source, request.text) : hit.status());
         }
         const Places& matches = hit->value->matches;
         if (matches.size() == 1) return done(matches.front());
         if (matches.size() > 1) return done(Ambiguous(source, request.text, matches));
         if (hit->value->all.empty() || IsEnglish(request.language)) return done(NotFound(source, request.text));
         FindInEnglish(source, request, deadline, hit->value, done);
       });
}

// `Munich, Bavaria` in German: the region is called Bayern there.
void PlaceFinder::FindInEnglish(Source& source, const PlacesRequest& request, absl::Time deadline, Cache::Pointer first,
                                Source::Done<PlaceInfo> done) {
  Find(
      source, {.text = request.text, .language = "en"}, deadline,
      [&source, text = request.text, first = std::move(first), done = std::move(done)](absl::StatusOr<Cache::Hit> hit) {
        if (!hit.ok()) return done(hit.status());
        const Places& matches = hit->value->matches;
        if (matches.empty()) return done(NotFound(source, text));
        if (matches.size() > 1) return done(Ambiguous(source, text, matches));
        // By its name in the language asked for, where the first search knew it.
        const auto same = std::find_if(first->all.begin(), first->all.end(), [&matches](const PlaceInfo& place) {
          return DistanceKilometers(place.coordinates, matches.front().coordinates) < kSamePointKilometers;
        });
        done(same == first->all.end() ? matches.front() : *same);
      });
}

}  // namespace stratus::weather
