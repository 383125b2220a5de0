#include "services/weather/domain/reply.h"

#include <gtest/gtest.h>

#include <string>

#include "services/weather/domain/condition.h"
#include "services/weather/domain/local_day.h"
#include "services/weather/domain/time_zone.h"

namespace stratus::weather {
namespace {

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << error;
  return time;
}

// A report with a row at every UTC hour of three days around `now`: temperature rises by one degree an hour from 0,
// each row rains 1 mm in its hour.
SourceReport HourlyReport(const char* zone, Coordinates where, absl::Time now) {
  SourceReport report;
  report.source = "open-meteo";
  report.language = "en";
  report.place = {.name = "", .coordinates = where};
  report.time_zone = zone;
  report.fetched_at = now;
  report.current = Observation{.time = now, .temperature_c = 20.0, .sky = SkyFromWmo(0)};
  const absl::Time first = absl::UnixEpoch() + absl::Floor(now - absl::UnixEpoch(), absl::Hours(24)) - absl::Hours(24);
  for (int hour = 0; hour < 96; ++hour) {
    report.rows.push_back(Observation{.time = first + absl::Hours(hour),
                                      .step = absl::Hours(1),
                                      .temperature_c = hour,
                                      .precipitation_mm = 1.0,
                                      .sky = SkyFromWmo(hour == 30 ? 61 : 0)});
  }
  return report;
}

v1::TodayWeather Today(const SourceReport& report, absl::Time now) {
  return BuildToday(report, View{}, Sections{}, report.place, now).message;
}

TEST(Reply, ShowsTheRowsOfTheLocalDayAndNoOthers) {
  const absl::Time now = Utc("2026-01-15T00:00:00Z");
  const auto today = Today(HourlyReport("Pacific/Chatham", {-43.95, -176.55}, now), now);
  EXPECT_EQ(today.time_zone(), "Pacific/Chatham");
  EXPECT_EQ(today.utc_offset().seconds(), 13 * 3600 + 45 * 60);
  EXPECT_EQ(today.day().date(), "2026-01-15");
  ASSERT_EQ(today.hours_size(), 24);
  // The local day starts at 10:15Z: its first whole UTC hour is 11:00Z, its last 10:00Z.
  EXPECT_EQ(today.hours(0).time().seconds(), absl::ToUnixSeconds(Utc("2026-01-14T11:00:00Z")));
  EXPECT_EQ(today.hours(23).time().seconds(), absl::ToUnixSeconds(Utc("2026-01-15T10:00:00Z")));
}

TEST(Reply, DaysWithAClockChangeHaveTheirRealNumberOfRows) {
  const Coordinates new_york{40.71, -74.01};
  const absl::Time spring = Utc("2026-03-08T15:00:00Z");
  EXPECT_EQ(Today(HourlyReport("America/New_York", new_york, spring), spring).hours_size(), 23);
  const absl::Time autumn = Utc("2026-11-01T15:00:00Z");
  const auto today = Today(HourlyReport("America/New_York", new_york, autumn), autumn);
  EXPECT_EQ(today.hours_size(), 25);
  EXPECT_EQ(today.day().precipitation_sum(), 25);
}

TEST(Reply, CountsPrecipitationOnlyAsFarAsItFellInTheDay) {
  // Kolkata: the row of 19:00Z covers 18:00Z to 19:00Z, and the day begins at 18:30Z.
  const absl::Time now = Utc("2026-06-21T06:00:00Z");
  auto report = HourlyReport("Asia/Kolkata", {22.57, 88.36}, now);
  const auto today = Today(report, now);
  EXPECT_EQ(today.hours_size(), 24);
  EXPECT_EQ(today.day().precipitation_sum(), 24);
}

TEST(Reply, ANightRowNeverCarriesADayIcon) {
  const absl::Time now = Utc("2026-11-21T05:00:00Z");
  const auto today = Today(HourlyReport("Asia/Ho_Chi_Minh", {21.03, 105.83}, now), now);
  const int64_t sunrise = today.day().sunrise().seconds();
  const int64_t sunset = today.day().sunset().seconds();
  ASSERT_LT(sunrise, sunset);
  int day_rows = 0;
  for (const auto& row : today.hours()) {
    const bool up = sunrise <= row.time().seconds() && row.time().seconds() < sunset;
    EXPECT_EQ(row.is_day(), up);
    EXPECT_EQ(row.condition().icon().back(), up ? 'd' : 'n');
    day_rows += up ? 1 : 0;
  }
  EXPECT_EQ(day_rows, 11);
  EXPECT_TRUE(today.current().is_day());
}

TEST(Reply, PolarDaysHaveNeitherSunriseNorSunset) {
  const absl::Time summer = Utc("2026-06-21T12:00:00Z");
  const auto up = Today(HourlyReport("Arctic/Longyearbyen", {78.22, 15.65}, summer), summer);
  EXPECT_EQ(up.day().sun(), v1::Day::SUN_ALWAYS_UP);
  EXPECT_FALSE(up.day().has_sunrise());
  EXPECT_FALSE(up.day().has_sunset());
  const absl::Time winter = Utc("2026-12-21T12:00:00Z");
  const auto down = Today(HourlyReport("Arctic/Longyearbyen", {78.22, 15.65}, winter), winter);
  EXPECT_EQ(down.day().sun(), v1::Day::SUN_ALWAYS_DOWN);
  EXPECT_EQ(down.day().condition().icon().back(), 'n');
  for (const auto& row : down.hours()) EXPECT_FALSE(row.is_day());
}

TEST(Reply, UsesTheSourcesOwnSumsOnlyForADayCutAsOurs) {
  const absl::Time now = Utc("2026-11-21T05:00:00Z");
  auto report = HourlyReport("Asia/Ho_Chi_Minh", {21.03, 105.83}, now);
  const LocalDay day = LocalDayAt(now, *FindTimeZone("Asia/Ho_Chi_Minh"));
  report.days.push_back({.start = day.start, .end = day.end, .temperature_max_c = 99.5});
  EXPECT_EQ(Today(report, now).day().temperature_max(), 99.5);
  // One hour off, as a source has it that ignores a clock change: summed from the rows instead.
  report.days[0].end += absl::Hours(1);
  EXPECT_EQ(Today(report, now).day().temperature_max(), 40);
}

TEST(Reply, MarksTheDayByItsWorstWeather) {
  const absl::Time now = Utc("2026-11-21T05:00:00Z");
  const auto today = Today(HourlyReport("UTC", {0, 0}, now), now);
  EXPECT_EQ(today.day().condition().kind(), v1::Condition::KIND_RAIN);
  EXPECT_EQ(today.day().condition().icon(), "10d");
}

TEST(Reply, ValuesTheSourceDidNotGiveStayAbsent) {
  const absl::Time now = Utc("2026-11-21T05:00:00Z");
  SourceReport report;
  report.current = Observation{.time = now, .humidity_percent = 0.0};
  const auto today = Today(report, now);
  EXPECT_TRUE(today.current().has_humidity_percent());
  EXPECT_EQ(today.current().humidity_percent(), 0);
  EXPECT_FALSE(today.current().has_temperature());
  EXPECT_FALSE(today.current().has_dew_point());
  EXPECT_FALSE(today.current().has_precipitation());
  EXPECT_FALSE(today.current().has_condition());
  EXPECT_FALSE(today.day().has_temperature_min());
  EXPECT_FALSE(today.day().has_precipitation_sum());
  EXPECT_EQ(today.hours_size(), 0);
}

TEST(Reply, FillsInADewPointTheSourceLeftOut) {
  const absl::Time now = Utc("2026-11-21T05:00:00Z");
  SourceReport report;
  report.current = Observation{.time = now, .temperature_c = 20.0, .humidity_percent = 50.0};
  EXPECT_NEAR(Today(report, now).current().dew_point(), 9.26, 0.05);
  report.current->dew_point_c = 8.0;
  EXPECT_EQ(Today(report, now).current().dew_point(), 8.0);
}

TEST(Reply, FallsBackToABareOffsetAndSaysSo) {
  const absl::Time now = Utc("2026-11-21T18:00:00Z");
  SourceReport report;
  report.utc_offset = absl::Minutes(-210);
  EXPECT_EQ(Today(report, now).time_zone(), "UTC-03:30");
  EXPECT_EQ(Today(report, now).utc_offset().seconds(), -210 * 60);
  View view{.time_zone = "Asia/Tokyo", .zone = FindTimeZone("Asia/Tokyo")};
  const auto asked = BuildToday(report, view, Sections{}, report.place, now);
  EXPECT_EQ(asked.message.time_zone(), "Asia/Tokyo");
  EXPECT_EQ(asked.message.day().date(), "2026-11-22");
  EXPECT_EQ(asked.valid_until, Utc("2026-11-22T15:00:00Z"));
}

TEST(Reply, HoldsOnlyTheSectionsAskedFor) {
  const absl::Time now = Utc("2026-11-21T05:00:00Z");
  const auto report = HourlyReport("UTC", {0, 0}, now);
  const auto reply = BuildToday(report, View{}, Sections{false, true, false}, report.place, now).message;
  EXPECT_FALSE(reply.has_current());
  EXPECT_TRUE(reply.has_day());
  EXPECT_EQ(reply.hours_size(), 0);
}

TEST(Reply, ConvertsEveryRowAndNamesTheUnits) {
  const absl::Time now = Utc("2026-11-21T05:00:00Z");
  View view;
  view.units = *UnitSystem("imperial");
  const auto report = HourlyReport("UTC", {0, 0}, now);
  const auto reply = BuildToday(report, view, Sections{}, report.place, now).message;
  EXPECT_EQ(reply.current().temperature(), 68);
  EXPECT_EQ(reply.hours(0).temperature(), 75.2);  // 24 degrees Celsius
  EXPECT_EQ(reply.hours(0).precipitation(), 0.039);
  EXPECT_EQ(reply.units().temperature(), v1::TEMPERATURE_UNIT_FAHRENHEIT);
  EXPECT_EQ(reply.units().visibility(), v1::DISTANCE_UNIT_MILE);
}

TEST(Reply, AForecastRunsFromTheCurrentHourToTheEndOfItsLastDay) {
  const absl::Time now = Utc("2026-11-21T05:30:00Z");
  const auto report = HourlyReport("UTC", {0, 0}, now);
  ForecastQuery query;
  query.days = 2;
  const auto hourly = BuildForecast(report, query, report.place, now);
  ASSERT_EQ(hourly.hours_size(), 43);
  EXPECT_EQ(hourly.hours(0).time().seconds(), absl::ToUnixSeconds(Utc("2026-11-21T05:00:00Z")));
  query.daily = true;
  query.days = 7;
  const auto daily = BuildForecast(report, query, report.place, now);
  EXPECT_EQ(daily.hours_size(), 0);
  ASSERT_EQ(daily.days_size(), 3) << "no day that the source knows nothing of";
  EXPECT_EQ(daily.days(1).date(), "2026-11-22");
}

TEST(Reply, ProvenanceTellsAgeStalenessAndCredit) {
  SourceReport report;
  report.source = "open-meteo";
  report.fetched_at = Utc("2026-11-21T05:00:00Z");
  report.attribution = "Weather data by Open-Meteo.com";
  const auto fresh = BuildProvenance(report, report.fetched_at + absl::Seconds(90), "");
  EXPECT_FALSE(fresh.stale());
  EXPECT_EQ(fresh.age().seconds(), 90);
  EXPECT_EQ(fresh.attribution(), "Weather data by Open-Meteo.com");
  const auto stale = BuildProvenance(report, report.fetched_at - absl::Seconds(5), "the source did not answer in time");
  EXPECT_TRUE(stale.stale());
  EXPECT_EQ(stale.stale_reason(), "the source did not answer in time");
  EXPECT_EQ(stale.age().seconds(), 0) << "a clock that was set back gives no negative age";
}

}  // namespace
}  // namespace stratus::weather
