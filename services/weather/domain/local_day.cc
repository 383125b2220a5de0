#include "services/weather/domain/local_day.h"

#include "absl/time/civil_time.h"

namespace stratus::weather {
namespace {

// The first instant of a date. Midnight may be skipped (Cairo in spring: the day begins at 01:00) or come twice (Havana
// in autumn: it begins at the earlier one).
absl::Time StartOf(const absl::CivilDay& date, const absl::TimeZone& zone) {
  const absl::TimeZone::TimeInfo midnight = zone.At(absl::CivilSecond(date));
  return midnight.kind == absl::TimeZone::TimeInfo::SKIPPED ? midnight.trans : midnight.pre;
}

LocalDay DayOf(const absl::CivilDay& date, const absl::TimeZone& zone) {
  return LocalDay{date, StartOf(date, zone), StartOf(date + 1, zone)};
}

}  // namespace

LocalDay LocalDayAt(absl::Time time, const absl::TimeZone& zone) { return DayOf(absl::ToCivilDay(time, zone), zone); }

LocalDay NextDay(const LocalDay& day, const absl::TimeZone& zone) {
  // Two dates ahead at most: no zone ever skipped more than one date.
  const LocalDay next = DayOf(day.date + 1, zone);
  return next.start < next.end ? next : DayOf(day.date + 2, zone);
}

std::string DateText(const absl::CivilDay& date) { return absl::FormatCivilTime(date); }

}  // namespace stratus::weather
