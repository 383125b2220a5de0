#include "services/weather/domain/reply.h"

#include <algorithm>
#include <string>

#include "services/weather/domain/condition.h"
#include "services/weather/domain/day_summary.h"
#include "services/weather/domain/dew_point.h"
#include "services/weather/domain/local_day.h"
#include "services/weather/domain/sun.h"
#include "services/weather/domain/time_zone.h"

namespace stratus::weather {
namespace {

struct Zone {
  absl::TimeZone zone;
  std::string name;
};

// The caller's zone, else the place's, else its bare offset.
Zone ChooseZone(const SourceReport& report, const View& view) {
  if (view.zone) return {*view.zone, view.time_zone};
  if (const auto zone = FindTimeZone(report.time_zone)) return {*zone, report.time_zone};
  return {OffsetZone(report.utc_offset), OffsetName(report.utc_offset)};
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(absl::ToUnixSeconds(time));
}

void SetDuration(absl::Duration duration, google::protobuf::Duration* proto) {
  proto->set_seconds(absl::ToInt64Seconds(duration));
}

void SetUnits(const Units& units, v1::UnitOptions* options) {
  options->set_temperature(units.temperature);
  options->set_wind_speed(units.wind_speed);
  options->set_pressure(units.pressure);
  options->set_precipitation(units.precipitation);
  options->set_visibility(units.visibility);
}

void SetCondition(const Sky& sky, bool is_day, v1::Condition* condition) {
  condition->set_kind(sky.kind);
  condition->set_source_code(sky.source_code);
  condition->set_text(sky.text);
  condition->set_icon(IconName(sky, is_day));
}

void SetTemperatures(const Observation& from, const Units& units, v1::Conditions* to) {
  if (from.temperature_c) to->set_temperature(ToTemperature(*from.temperature_c, units.temperature));
  if (from.feels_like_c) to->set_feels_like(ToTemperature(*from.feels_like_c, units.temperature));
  if (from.humidity_percent) to->set_humidity_percent(Round2(*from.humidity_percent));
  const auto dew_point =
      from.dew_point_c ? from.dew_point_c : DewPointCelsius(from.temperature_c, from.humidity_percent);
  if (dew_point) to->set_dew_point(ToTemperature(*dew_point, units.temperature));
}

void SetConditions(const Observation& from, const Units& units, bool is_day, v1::Conditions* to) {
  SetTimestamp(from.time, to->mutable_time());
  if (from.step > absl::ZeroDuration()) SetDuration(from.step, to->mutable_step());
  SetTemperatures(from, units, to);
  if (from.pressure_hpa) to->set_pressure(ToPressure(*from.pressure_hpa, units.pressure));
  if (from.wind_speed_mps) to->set_wind_speed(ToSpeed(*from.wind_speed_mps, units.wind_speed));
  if (from.wind_direction_degrees) to->set_wind_direction_degrees(Round2(*from.wind_direction_degrees));
  if (from.wind_gust_mps) to->set_wind_gust(ToSpeed(*from.wind_gust_mps, units.wind_speed));
  if (from.cloud_cover_percent) to->set_cloud_cover_percent(Round2(*from.cloud_cover_percent));
  if (from.visibility_m) to->set_visibility(ToVisibility(*from.visibility_m, units.visibility));
  if (from.uv_index) to->set_uv_index(Round2(*from.uv_index));
  if (from.precipitation_mm) to->set_precipitation(ToPrecipitation(*from.precipitation_mm, units.precipitation));
  if (from.precipitation_probability_percent) {
    to->set_precipitation_probability_percent(Round2(*from.precipitation_probability_percent));
  }
  if (from.sky) SetCondition(*from.sky, is_day, to->mutable_condition());
  to->set_is_day(is_day);
}

v1::Day::Sun SunOf(const SunDay& sun) {
  if (!sun.events.empty()) return v1::Day::SUN_RISES_AND_SETS;
  return sun.up_at_start ? v1::Day::SUN_ALWAYS_UP : v1::Day::SUN_ALWAYS_DOWN;
}

void SetSun(const SunDay& sun, v1::Day* to) {
  to->set_sun(SunOf(sun));
  if (const auto sunrise = sun.Sunrise()) SetTimestamp(*sunrise, to->mutable_sunrise());
  if (const auto sunset = sun.Sunset()) SetTimestamp(*sunset, to->mutable_sunset());
}

void SetDay(const DaySummary& summary, const LocalDay& day, const SunDay& sun, const Units& units, v1::Day* to) {
  const DayValues& from = summary.values;
  to->set_date(DateText(day.date));
  SetTimestamp(day.start, to->mutable_start());
  SetTimestamp(day.end, to->mutable_end());
  if (summary.data_start) SetTimestamp(*summary.data_start, to->mutable_data_start());
  if (from.temperature_min_c) to->set_temperature_min(ToTemperature(*from.temperature_min_c, units.temperature));
  if (from.temperature_max_c) to->set_temperature_max(ToTemperature(*from.temperature_max_c, units.temperature));
  if (from.precipitation_sum_mm) {
    to->set_precipitation_sum(ToPrecipitation(*from.precipitation_sum_mm, units.precipitation));
  }
  if (from.precipitation_probability_max_percent) {
    to->set_precipitation_probability_max_percent(Round2(*from.precipitation_probability_max_percent));
  }
  if (from.uv_index_max) to->set_uv_index_max(Round2(*from.uv_index_max));
  if (from.wind_gust_max_mps) to->set_wind_gust_max(ToSpeed(*from.wind_gust_max_mps, units.wind_speed));
  SetSun(sun, to);
  // A whole day shows its day icon, but for the polar night, which has no day.
  if (from.sky) SetCondition(*from.sky, to->sun() != v1::Day::SUN_ALWAYS_DOWN, to->mutable_condition());
}

}  // namespace

v1::Place ToProto(const PlaceInfo& place) {
  v1::Place proto;
  proto.set_name(place.name);
  proto.set_latitude(place.coordinates.latitude);
  proto.set_longitude(place.coordinates.longitude);
  proto.set_country_code(place.country_code);
  proto.set_region(place.region);
  proto.set_time_zone(place.time_zone);
  if (place.elevation_m) proto.set_elevation_meters(*place.elevation_m);
  return proto;
}

TodayReply BuildToday(const SourceReport& report, const View& view, const Sections& sections, const PlaceInfo& place,
                      absl::Time now) {
  const Zone zone = ChooseZone(report, view);
  const LocalDay day = LocalDayAt(now, zone.zone);
  const SunDay sun = ComputeSunDay(place.coordinates, day.start, day.end);

  TodayReply reply{.message = {}, .valid_until = day.end};
  v1::TodayWeather& message = reply.message;
  *message.mutable_place() = ToProto(place);
  message.set_time_zone(zone.name);
  const absl::Time moment = report.current ? report.current->time : now;
  SetDuration(absl::Seconds(zone.zone.At(moment).offset), message.mutable_utc_offset());
  SetUnits(view.units, message.mutable_units());
  message.set_language(report.language);
  message.set_source(report.source);
  if (sections.current && report.current) {
    // The source's "now" may lie in yesterday, just after midnight.
    const bool is_day = day.Contains(moment) ? sun.IsUp(moment) : IsSunUp(place.coordinates, moment);
    SetConditions(*report.current, view.units, is_day, message.mutable_current());
  }
  if (sections.day) SetDay(SummarizeDay(report, day), day, sun, view.units, message.mutable_day());
  if (sections.hours) {
    for (const Observation& row : report.rows) {
      if (day.Contains(row.time)) SetConditions(row, view.units, sun.IsUp(row.time), message.add_hours());
    }
  }
  return reply;
}

v1::Forecast BuildForecast(const SourceReport& report, const ForecastQuery& query, const PlaceInfo& place,
                           absl::Time now) {
  const Zone zone = ChooseZone(report, query.view);
  v1::Forecast message;
  *message.mutable_place() = ToProto(place);
  message.set_time_zone(zone.name);
  SetUnits(query.view.units, message.mutable_units());
  message.set_language(report.language);
  message.set_source(report.source);

  LocalDay day = LocalDayAt(now, zone.zone);
  for (int i = 0; i < query.days; ++i, day = NextDay(day, zone.zone)) {
    const SunDay sun = ComputeSunDay(place.coordinates, day.start, day.end);
    if (query.daily) {
      const DaySummary summary = SummarizeDay(report, day);
      if (summary.data_start) SetDay(summary, day, sun, query.view.units, message.add_days());
      continue;
    }
    for (const Observation& row : report.rows) {
      // The row whose hour is running counts as one from now on.
      if (day.Contains(row.time) && row.time > now - absl::Hours(1)) {
        SetConditions(row, query.view.units, sun.IsUp(row.time), message.add_hours());
      }
    }
  }
  return message;
}

v1::Provenance BuildProvenance(const SourceReport& report, absl::Time now, std::string_view stale_reason) {
  v1::Provenance provenance;
  provenance.set_source(report.source);
  SetTimestamp(report.fetched_at, provenance.mutable_fetched_at());
  provenance.set_stale(!stale_reason.empty());
  provenance.set_stale_reason(std::string(stale_reason));
  SetDuration(std::max(now - report.fetched_at, absl::ZeroDuration()), provenance.mutable_age());
  provenance.set_attribution(report.attribution);
  provenance.set_attribution_url(report.attribution_url);
  return provenance;
}

}  // namespace stratus::weather
