#include "services/weather/domain/sun.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

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

SunDay SunOn(const Coordinates& where, const char* zone, absl::CivilDay date) {
  const absl::TimeZone loaded = *FindTimeZone(zone);
  const LocalDay day = LocalDayAt(absl::FromCivil(absl::CivilSecond(date) + 12 * 3600, loaded), loaded);
  EXPECT_EQ(day.date, date);
  return ComputeSunDay(where, day.start, day.end);
}

struct Golden {
  const char* zone;
  Coordinates where;
  absl::CivilDay date;
  const char* sunrise;
  const char* sunset;
};

// Reference: PyEphem 4 (libastro) with the horizon at -34' and the sun's upper limb.
TEST(Sun, AgreesWithAnAlmanacWithinAMinute) {
  const Golden golden[] = {
      {"Pacific/Chatham",
       {-43.95, -176.55},
       absl::CivilDay(2026, 1, 15),
       "2026-01-14T16:22:00Z",
       "2026-01-15T07:28:17Z"},
      {"Pacific/Chatham",
       {-43.95, -176.55},
       absl::CivilDay(2026, 7, 15),
       "2026-07-14T19:16:29Z",
       "2026-07-15T04:28:07Z"},
      {"Asia/Kolkata", {22.57, 88.36}, absl::CivilDay(2026, 6, 21), "2026-06-20T23:22:46Z", "2026-06-21T12:53:53Z"},
      {"America/New_York", {40.71, -74.01}, absl::CivilDay(2026, 3, 8), "2026-03-08T11:18:53Z", "2026-03-08T22:55:12Z"},
      {"America/New_York",
       {40.71, -74.01},
       absl::CivilDay(2026, 11, 1),
       "2026-11-01T11:26:27Z",
       "2026-11-01T21:52:15Z"},
      {"Australia/Lord_Howe",
       {-31.55, 159.08},
       absl::CivilDay(2026, 4, 5),
       "2026-04-04T19:37:13Z",
       "2026-04-05T07:15:15Z"},
      {"Australia/Lord_Howe",
       {-31.55, 159.08},
       absl::CivilDay(2026, 10, 4),
       "2026-10-03T18:58:23Z",
       "2026-10-04T07:27:10Z"},
      {"Asia/Ho_Chi_Minh",
       {21.03, 105.83},
       absl::CivilDay(2026, 11, 21),
       "2026-11-20T23:10:30Z",
       "2026-11-21T10:14:15Z"},
      {"Pacific/Apia", {-13.83, -171.76}, absl::CivilDay(2026, 11, 21), "2026-11-20T16:48:42Z", "2026-11-21T05:36:59Z"},
  };
  for (const Golden& row : golden) {
    const SunDay sun = SunOn(row.where, row.zone, row.date);
    ASSERT_TRUE(sun.Sunrise() && sun.Sunset()) << row.zone;
    EXPECT_LT(absl::AbsDuration(*sun.Sunrise() - Utc(row.sunrise)), absl::Minutes(1)) << row.zone << *sun.Sunrise();
    EXPECT_LT(absl::AbsDuration(*sun.Sunset() - Utc(row.sunset)), absl::Minutes(1)) << row.zone << *sun.Sunset();
  }
}

TEST(Sun, StaysUpOrDownAtThePoles) {
  const SunDay pole = SunOn({-90, 0}, "Antarctica/McMurdo", absl::CivilDay(2026, 1, 15));
  EXPECT_TRUE(pole.up_at_start);
  EXPECT_TRUE(pole.events.empty());
  const SunDay midsummer = SunOn({78.22, 15.65}, "Arctic/Longyearbyen", absl::CivilDay(2026, 6, 21));
  EXPECT_TRUE(midsummer.up_at_start);
  EXPECT_FALSE(midsummer.Sunrise());
  EXPECT_FALSE(midsummer.Sunset());
  const SunDay midwinter = SunOn({78.22, 15.65}, "Arctic/Longyearbyen", absl::CivilDay(2026, 12, 21));
  EXPECT_FALSE(midwinter.up_at_start);
  EXPECT_TRUE(midwinter.events.empty());
  EXPECT_FALSE(midwinter.IsUp(Utc("2026-12-21T11:00:00Z")));
}

TEST(Sun, SetsJustAfterMidnightBeforeThePolarDayBegins) {
  // Tromso in mid-May: down at 00:02 by the clock, up again an hour later. Grazing: the almanac is met within minutes.
  const SunDay sun = SunOn({69.65, 18.96}, "Europe/Oslo", absl::CivilDay(2026, 5, 17));
  ASSERT_GE(sun.events.size(), 2u);
  EXPECT_TRUE(sun.up_at_start);
  EXPECT_FALSE(sun.events[0].rises);
  EXPECT_TRUE(sun.events[1].rises);
  EXPECT_LT(absl::AbsDuration(sun.events[0].time - Utc("2026-05-16T22:02:32Z")), absl::Minutes(3));
  EXPECT_LT(absl::AbsDuration(sun.events[1].time - Utc("2026-05-16T23:17:39Z")), absl::Minutes(3));
  EXPECT_FALSE(sun.IsUp(Utc("2026-05-16T22:40:00Z")));
  EXPECT_TRUE(sun.IsUp(Utc("2026-05-17T10:00:00Z")));
}

TEST(Sun, EventsAndElevationNeverDisagree) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  for (const double latitude : {-89.9, -70.0, -45.0, 0.0, 30.0, 66.6, 69.65, 85.0}) {
    for (int month = 1; month <= 12; ++month) {
      const LocalDay day = LocalDayAt(absl::FromCivil(absl::CivilSecond(2026, month, 21), utc), utc);
      const Coordinates where{latitude, 100.0};
      const SunDay sun = ComputeSunDay(where, day.start, day.end);
      for (absl::Time time = day.start; time < day.end; time += absl::Minutes(7)) {
        const bool near_event = std::abs(SolarElevationDegrees(where, time) + 0.833) < 0.02;
        if (!near_event) {
          EXPECT_EQ(sun.IsUp(time), IsSunUp(where, time)) << latitude << " " << time;
        }
      }
    }
  }
}

}  // namespace
}  // namespace stratus::weather
