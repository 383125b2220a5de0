#include "services/weather/service/report_codec.h"

#include <array>

#include "services/weather/service/report.pb.h"

namespace stratus::weather {
namespace {

namespace stored = internal;

template <typename Record>
using Field = std::optional<double> Record::*;

// The order is the format: add at the end, never change what stands.
constexpr std::array<Field<Observation>, 13> kRowFields = {&Observation::temperature_c,
                                                           &Observation::feels_like_c,
                                                           &Observation::humidity_percent,
                                                           &Observation::dew_point_c,
                                                           &Observation::pressure_hpa,
                                                           &Observation::wind_speed_mps,
                                                           &Observation::wind_direction_degrees,
                                                           &Observation::wind_gust_mps,
                                                           &Observation::cloud_cover_percent,
                                                           &Observation::visibility_m,
                                                           &Observation::uv_index,
                                                           &Observation::precipitation_mm,
                                                           &Observation::precipitation_probability_percent};
constexpr std::array<Field<DayValues>, 6> kDayFields = {
    &DayValues::temperature_min_c,    &DayValues::temperature_max_c,
    &DayValues::precipitation_sum_mm, &DayValues::precipitation_probability_max_percent,
    &DayValues::uv_index_max,         &DayValues::wind_gust_max_mps};

template <typename Record, size_t N>
void EncodeValues(const Record& record, const std::array<Field<Record>, N>& fields, stored::StoredValues* out) {
  uint32_t present = 0;
  for (size_t i = 0; i < N; ++i) {
    if (const auto& value = record.*fields[i]) {
      present |= 1u << i;
      out->add_values(*value);
    }
  }
  out->set_present(present);
}

template <typename Record, size_t N>
bool DecodeValues(const stored::StoredValues& in, const std::array<Field<Record>, N>& fields, Record* record) {
  int next = 0;
  for (size_t i = 0; i < N; ++i) {
    if ((in.present() & (1u << i)) == 0) continue;
    if (next == in.values_size()) return false;
    record->*fields[i] = in.values(next++);
  }
  return true;  // values beyond are a newer version's
}

void EncodeSky(const std::optional<Sky>& sky, stored::StoredSky* out) {
  out->set_kind(sky->kind);
  out->set_source_code(sky->source_code);
  out->set_text(sky->text);
  out->set_icon(sky->icon);
}

Sky DecodeSky(const stored::StoredSky& in) { return {in.kind(), in.source_code(), in.text(), in.icon()}; }

void EncodeRow(const Observation& row, stored::StoredRow* out) {
  out->set_time(absl::ToUnixSeconds(row.time));
  out->set_step_seconds(static_cast<int32_t>(absl::ToInt64Seconds(row.step)));
  EncodeValues(row, kRowFields, out->mutable_values());
  if (row.sky) EncodeSky(row.sky, out->mutable_sky());
}

bool DecodeRow(const stored::StoredRow& in, Observation* row) {
  row->time = absl::FromUnixSeconds(in.time());
  row->step = absl::Seconds(in.step_seconds());
  if (in.has_sky()) row->sky = DecodeSky(in.sky());
  return DecodeValues(in.values(), kRowFields, row);
}

void EncodeDay(const DayValues& day, stored::StoredDay* out) {
  out->set_start(absl::ToUnixSeconds(day.start));
  out->set_end(absl::ToUnixSeconds(day.end));
  EncodeValues(day, kDayFields, out->mutable_values());
  if (day.sky) EncodeSky(day.sky, out->mutable_sky());
}

bool DecodeDay(const stored::StoredDay& in, DayValues* day) {
  day->start = absl::FromUnixSeconds(in.start());
  day->end = absl::FromUnixSeconds(in.end());
  if (in.has_sky()) day->sky = DecodeSky(in.sky());
  return DecodeValues(in.values(), kDayFields, day);
}

void EncodePlace(const PlaceInfo& place, stored::StoredPlace* out) {
  out->set_name(place.name);
  out->set_latitude(place.coordinates.latitude);
  out->set_longitude(place.coordinates.longitude);
  out->set_country_code(place.country_code);
  out->set_region(place.region);
  out->set_time_zone(place.time_zone);
  if (place.elevation_m) out->set_elevation_m(*place.elevation_m);
}

PlaceInfo DecodePlace(const stored::StoredPlace& in) {
  PlaceInfo place{.name = in.name(),
                  .coordinates = {in.latitude(), in.longitude()},
                  .country_code = in.country_code(),
                  .region = in.region(),
                  .time_zone = in.time_zone()};
  if (in.has_elevation_m()) place.elevation_m = in.elevation_m();
  return place;
}

}  // namespace

std::string EncodeReport(const SourceReport& report) {
  stored::StoredReport out;
  out.set_fetched_at_ms(absl::ToUnixMillis(report.fetched_at));
  out.set_source(report.source);
  out.set_language(report.language);
  EncodePlace(report.place, out.mutable_place());
  out.set_time_zone(report.time_zone);
  out.set_utc_offset_seconds(static_cast<int32_t>(absl::ToInt64Seconds(report.utc_offset)));
  if (report.current) EncodeRow(*report.current, out.mutable_current());
  for (const Observation& row : report.rows) EncodeRow(row, out.add_rows());
  for (const DayValues& day : report.days) EncodeDay(day, out.add_days());
  out.set_attribution(report.attribution);
  out.set_attribution_url(report.attribution_url);
  return out.SerializeAsString();
}

std::optional<SourceReport> DecodeReport(std::string_view bytes) {
  stored::StoredReport in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.source().empty() || !in.has_current()) {
    return std::nullopt;
  }
  SourceReport report;
  report.fetched_at = absl::FromUnixMillis(in.fetched_at_ms());
  report.source = in.source();
  report.language = in.language();
  report.place = DecodePlace(in.place());
  report.time_zone = in.time_zone();
  report.utc_offset = absl::Seconds(in.utc_offset_seconds());
  bool good = DecodeRow(in.current(), &report.current.emplace());
  for (const auto& row : in.rows()) good = good && DecodeRow(row, &report.rows.emplace_back());
  for (const auto& day : in.days()) good = good && DecodeDay(day, &report.days.emplace_back());
  report.attribution = in.attribution();
  report.attribution_url = in.attribution_url();
  if (!good) return std::nullopt;
  return report;
}

}  // namespace stratus::weather
