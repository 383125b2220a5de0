#include "services/weather/service/weather_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/telemetry/span.h"
#include "services/weather/domain/local_day.h"
#include "services/weather/domain/reply.h"

namespace stratus::weather {
namespace {

// A raw answer has no place for a label, so it is never served stale.
FlightCachePolicy RawPolicy(const ReportStoreOptions& reports) {
  FlightCachePolicy policy = reports.policy;
  policy.serve_while_refreshing = absl::ZeroDuration();
  policy.stale_max = reports.ttl;
  return policy;
}

// What tells one view of a report from another.
std::string ViewName(char kind, const View& view, int variant, const PlaceInfo* named) {
  std::string name = absl::StrCat(std::string(1, kind), variant, "|", static_cast<int>(view.units.temperature),
                                  static_cast<int>(view.units.wind_speed), static_cast<int>(view.units.pressure),
                                  static_cast<int>(view.units.precipitation), static_cast<int>(view.units.visibility),
                                  "|", view.time_zone);
  if (named != nullptr) absl::StrAppend(&name, "|", named->name, "|", named->region, "|", named->country_code);
  return name;
}

// The place as the caller named it, at the coordinates that were asked for; or as the source names it.
PlaceInfo ShownPlace(const SourceReport& report, const PlaceInfo* named) {
  if (named == nullptr) return report.place;
  PlaceInfo place = *named;
  place.coordinates = report.place.coordinates;
  if (place.time_zone.empty()) place.time_zone = report.time_zone;
  if (!place.elevation_m) place.elevation_m = report.place.elevation_m;
  return place;
}

// Both sources renew the current weather every ten to fifteen minutes.
constexpr absl::Duration kCurrentMax = absl::Hours(1);

// Why a reply that shows the current weather is stale although the source has answered: its reading is old. Else empty.
std::string OldReading(const SourceReport& report, const Sections& sections, absl::Time now) {
  if (!sections.current || !report.current || now - report.current->time <= kCurrentMax) return {};
  const absl::Duration age = absl::Trunc(now - report.current->time, absl::Minutes(1));
  return absl::StrCat("the source's current reading is ", absl::FormatDuration(age), " old");
}

// A copy's provenance says how old the source's answer was when the copy was made: not for longer than this.
constexpr absl::Duration kCopyMax = absl::Minutes(1);
// How long a copy that is no longer fresh may do. The report itself does for minutes too while it is fetched anew.
constexpr absl::Duration kStaleCopyMax = absl::Minutes(1);

// `stale_reason` says why the report is; `shown_reason` is what the reply says.
template <typename Message>
EncodedReply Encode(const ReportEntry::Rendition& rendition, const SourceReport& report, absl::Time now,
                    absl::Duration ttl, const std::string& stale_reason, const std::string& shown_reason) {
  Message tail;
  *tail.mutable_provenance() = BuildProvenance(report, now, shown_reason);
  EncodedReply reply{.body = rendition.bytes,
                     .tail = tail.SerializeAsString(),
                     .fetched_at = report.fetched_at,
                     .stale = !stale_reason.empty()};
  // One that is stale may be followed by a better one at any moment.
  if (reply.stale || ttl <= absl::ZeroDuration()) return reply;
  // Past its time to live a report is being fetched anew.
  const absl::Duration left = std::clamp(report.fetched_at + ttl - now, absl::Seconds(1), kCopyMax);
  const absl::Duration valid = std::max(rendition.valid_until - now, absl::ZeroDuration());
  reply.fresh_for = std::min(left, valid);
  reply.usable_for = std::min(valid - reply.fresh_for, kStaleCopyMax);
  return reply;
}

EncodedReply EncodeToday(const ReportEntry& entry, const std::string& stale_reason, const PlaceInfo* named,
                         const TodayQuery& query, absl::Time now, absl::Duration ttl) {
  const SourceReport& report = entry.report();
  const int sections = query.sections.current | query.sections.day << 1 | query.sections.hours << 2;
  const auto rendition = entry.Rendered(ViewName('t', query.view, sections, named), now, [&] {
    TodayReply reply = BuildToday(report, query.view, query.sections, ShownPlace(report, named), now);
    return std::make_pair(reply.message.SerializeAsString(), reply.valid_until);
  });
  const std::string shown = stale_reason.empty() ? OldReading(report, query.sections, now) : stale_reason;
  return Encode<v1::TodayWeather>(rendition, report, now, ttl, stale_reason, shown);
}

EncodedReply EncodeForecast(const ReportEntry& entry, const std::string& stale_reason, const PlaceInfo* named,
                            const ForecastQuery& query, absl::Time now, absl::Duration ttl) {
  const SourceReport& report = entry.report();
  const int variant = query.days * 2 + (query.daily ? 1 : 0);
  const auto rendition = entry.Rendered(ViewName('f', query.view, variant, named), now, [&] {
    const v1::Forecast message = BuildForecast(report, query, ShownPlace(report, named), now);
    // Rows drop out one by one, at quarter hours in some zones.
    const absl::Duration quarter = absl::Floor(now - absl::UnixEpoch(), absl::Minutes(15));
    return std::make_pair(message.SerializeAsString(), absl::UnixEpoch() + quarter + absl::Minutes(15));
  });
  return Encode<v1::Forecast>(rendition, report, now, ttl, stale_reason, stale_reason);
}

}  // namespace

WeatherCore::WeatherCore(CoreOptions options, const SourceSelector* sources, SharedCache* shared,
                         const core::Clock* clock, TimerQueue* timers)
    : options_(std::move(options)),
      sources_(sources),
      clock_(clock),
      budget_(options_.budget, clock),
      reports_(options_.reports, &budget_, shared, clock, timers),
      places_(options_.places, &budget_, clock, timers),
      raw_(RawPolicy(options_.reports), clock, timers) {}

void WeatherCore::GetToday(const v1::GetTodayWeatherRequest& request, absl::Time deadline, Done<EncodedReply> done) {
  const absl::StatusOr<TodayQuery> query = CheckToday(request);
  if (!query.ok()) return done(query.status());
  GetToday(*query, deadline, std::move(done));
}

void WeatherCore::GetToday(const TodayQuery& query, absl::Time deadline, Done<EncodedReply> done) {
  WithReport(
      query.where, query.language, deadline,
      [this, query](const ReportEntry& entry, const std::string& stale_reason, const PlaceInfo* named) {
        return EncodeToday(entry, stale_reason, named, query, clock_->Now(), options_.reports.ttl);
      },
      std::move(done));
}

void WeatherCore::GetForecast(const v1::GetForecastRequest& request, absl::Time deadline, Done<EncodedReply> done) {
  const absl::StatusOr<ForecastQuery> query = CheckForecast(request);
  if (!query.ok()) return done(query.status());
  WithReport(
      query->where, query->language, deadline,
      [this, query = *query](const ReportEntry& entry, const std::string& stale_reason, const PlaceInfo* named) {
        return EncodeForecast(entry, stale_reason, named, query, clock_->Now(), options_.reports.ttl);
      },
      std::move(done));
}

void WeatherCore::SearchPlaces(const v1::SearchPlacesRequest& request, absl::Time deadline,
                               Done<v1::SearchPlacesResponse> done) {
  const absl::StatusOr<PlacesQuery> query = CheckPlaces(request);
  if (!query.ok()) return done(query.status());
  places_.Search(sources_->current(), {query->text, query->language}, deadline,
                 [page_size = query->page_size, done = std::move(done)](absl::StatusOr<PlaceFinder::Places> places) {
                   v1::SearchPlacesResponse response;
                   if (!places.ok()) {
                     if (places.status().code() == absl::StatusCode::kNotFound) return done(std::move(response));
                     return done(places.status());
                   }
                   for (const PlaceInfo& place : *places) {
                     if (response.places_size() == page_size) break;
                     *response.add_places() = ToProto(place);
                   }
                   done(std::move(response));
                 });
}

void WeatherCore::GetOpenWeather(const v1::GetOpenWeatherRequest& request, absl::Time deadline,
                                 Done<google::api::HttpBody> done) {
  const absl::StatusOr<RawQuery> query = CheckRaw(request);
  if (!query.ok()) return done(query.status());
  Source& source = sources_->current();
  RawRequest raw{.where = {}, .units = query->units, .language = source.LanguageFor(query->language)};
  Resolve(source, query->where, query->language, deadline,
          [this, &source, raw, deadline, done = std::move(done)](absl::StatusOr<Target> target) mutable {
            if (!target.ok()) return done(target.status());
            raw.where = target->where;
            FetchRaw(source, raw, deadline, done);
          });
}

void WeatherCore::FetchRaw(Source& source, const RawRequest& request, absl::Time deadline,
                           Done<google::api::HttpBody> done) {
  using Cache = FlightCache<RawReply>;
  const std::string key = absl::StrCat(ReportStore::Key(source, request.where, request.language), "|", request.units);
  const auto fetch = [this, &source, request](absl::Time fetch_deadline, std::function<void(Cache::Fetched)> landed) {
    if (absl::Status spent = budget_.Take(source.name(), 1); !spent.ok()) return landed({.error = spent});
    source.FetchRaw(request, fetch_deadline, [this, landed](absl::StatusOr<RawReply> reply) {
      if (!reply.ok()) return landed({.error = reply.status()});
      landed({.value = std::make_shared<const RawReply>(*std::move(reply)),
              .fetched_at = clock_->Now(),
              .ttl = options_.reports.ttl});
    });
  };
  raw_.Get(key, deadline, fetch, [done = std::move(done)](absl::StatusOr<Cache::Hit> hit) {
    if (!hit.ok()) return done(hit.status());
    google::api::HttpBody body;
    body.set_content_type(hit->value->content_type);
    body.set_data(hit->value->body);
    done(std::move(body));
  });
}

void WeatherCore::Resolve(Source& source, const Where& where, const std::string& language, absl::Time deadline,
                          Done<Target> done) {
  if (where.place.empty()) {
    return done(Target{.where = Rounded(where.coordinates.value_or(options_.default_place)), .named = nullptr});
  }
  places_.FindOne(source, {where.place, language}, deadline, [done = std::move(done)](absl::StatusOr<PlaceInfo> place) {
    if (!place.ok()) return done(place.status());
    const Coordinates rounded = Rounded(place->coordinates);
    done(Target{.where = rounded, .named = std::make_shared<const PlaceInfo>(*std::move(place))});
  });
}

void WeatherCore::WithReport(const Where& where, const std::string& language, absl::Time deadline, Make make,
                             Done<EncodedReply> done) {
  Source& source = sources_->current();
  Resolve(source, where, language, deadline,
          [this, &source, language = source.LanguageFor(language), deadline, make = std::move(make),
           done = std::move(done)](absl::StatusOr<Target> target) {
            if (!target.ok()) return done(target.status());
            WithReportAt(source, *target, language, deadline, make, done);
          });
}

void WeatherCore::WithReportAt(Source& source, const Target& target, const std::string& language, absl::Time deadline,
                               Make make, Done<EncodedReply> done) {
  const std::string key = ReportStore::Key(source, target.where, language);
  const telemetry::SpanRef span = telemetry::CurrentSpan();
  if (const auto entry = reports_.FindFresh(key)) {
    span.Annotate("cache", "hit");
    return done(make(*entry, "", target.named.get()));
  }
  span.Annotate("cache", "miss");
  reports_.Get(source, key, {target.where, language}, deadline,
               [make = std::move(make), named = target.named,
                done = std::move(done)](absl::StatusOr<ReportStore::Cache::Hit> hit) {
                 if (!hit.ok()) return done(hit.status());
                 done(make(*hit->value, hit->stale_reason, named.get()));
               });
}

WeatherCore::Stats WeatherCore::stats() const {
  return {reports_.stats(), places_.stats(), raw_.stats(), std::string(sources_->current().name())};
}

}  // namespace stratus::weather
