#include "services/weather/domain/local_day.h"

#include <gtest/gtest.h>

#include <string>

#include "services/weather/domain/time_zone.h"

namespace stratus::weather {
namespace {

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << error;
  return time;
}

LocalDay Day(const std::string& utc, const char* zone) { return LocalDayAt(Utc(utc), *FindTimeZone(zone)); }

TEST(LocalDay, IsTheDateAtThePlaceNotInUtc) {
  const LocalDay hanoi = Day("2026-11-20T17:00:00Z", "Asia/Ho_Chi_Minh");
  EXPECT_EQ(DateText(hanoi.date), "2026-11-21");
  EXPECT_EQ(hanoi.start, Utc("2026-11-20T17:00:00Z"));
  EXPECT_EQ(hanoi.end, Utc("2026-11-21T17:00:00Z"));
  EXPECT_EQ(DateText(Day("2026-11-20T16:59:59Z", "Asia/Ho_Chi_Minh").date), "2026-11-20");
}

TEST(LocalDay, KnowsOffsetsOfQuarterAndHalfHours) {
  const LocalDay chatham_summer = Day("2026-01-15T00:00:00Z", "Pacific/Chatham");  // +13:45
  EXPECT_EQ(DateText(chatham_summer.date), "2026-01-15");
  EXPECT_EQ(chatham_summer.start, Utc("2026-01-14T10:15:00Z"));
  const LocalDay chatham_winter = Day("2026-07-15T00:00:00Z", "Pacific/Chatham");  // +12:45
  EXPECT_EQ(chatham_winter.start, Utc("2026-07-14T11:15:00Z"));
  EXPECT_EQ(Day("2026-06-21T00:00:00Z", "Asia/Kolkata").start, Utc("2026-06-20T18:30:00Z"));  // +5:30
}

TEST(LocalDay, HasTwentyThreeOrTwentyFiveHoursWhereClocksChange) {
  const LocalDay spring = Day("2026-03-08T12:00:00Z", "America/New_York");
  EXPECT_EQ(DateText(spring.date), "2026-03-08");
  EXPECT_EQ(spring.end - spring.start, absl::Hours(23));
  const LocalDay autumn = Day("2026-11-01T12:00:00Z", "America/New_York");
  EXPECT_EQ(autumn.end - autumn.start, absl::Hours(25));
}

TEST(LocalDay, ChangesByHalfAnHourOnLordHowe) {
  const LocalDay autumn = Day("2026-04-05T00:00:00Z", "Australia/Lord_Howe");
  EXPECT_EQ(autumn.end - autumn.start, absl::Minutes(24 * 60 + 30));
  const LocalDay spring = Day("2026-10-04T00:00:00Z", "Australia/Lord_Howe");
  EXPECT_EQ(spring.end - spring.start, absl::Minutes(23 * 60 + 30));
}

TEST(LocalDay, BeginsLaterWhereMidnightDoesNotExist) {
  // Cairo, 2024-04-26: at 00:00 the clock went to 01:00.
  const LocalDay day = Day("2024-04-26T09:00:00Z", "Africa/Cairo");
  EXPECT_EQ(DateText(day.date), "2024-04-26");
  EXPECT_EQ(day.start, Utc("2024-04-25T22:00:00Z"));
  EXPECT_EQ(day.end - day.start, absl::Hours(23));
  EXPECT_EQ(LocalDayAt(day.start - absl::Seconds(1), *FindTimeZone("Africa/Cairo")).end, day.start);
}

TEST(LocalDay, BeginsAtTheFirstOfTwoMidnights) {
  // Havana, 2026-11-01: at 01:00 the clock goes back to 00:00.
  const LocalDay day = Day("2026-11-01T12:00:00Z", "America/Havana");
  EXPECT_EQ(day.start, Utc("2026-11-01T04:00:00Z"));
  EXPECT_EQ(day.end - day.start, absl::Hours(25));
}

TEST(LocalDay, TheNextDayStartsWhereTheLastOneEndsEvenOverTheDateLine) {
  // Apia had no 30 December 2011.
  const absl::TimeZone apia = *FindTimeZone("Pacific/Apia");
  const LocalDay before = LocalDayAt(Utc("2011-12-30T00:00:00Z"), apia);
  EXPECT_EQ(DateText(before.date), "2011-12-29");
  const LocalDay after = NextDay(before, apia);
  EXPECT_EQ(DateText(after.date), "2011-12-31");
  EXPECT_EQ(after.start, before.end);
}

TEST(TimeZone, RefusesPathsTheServersOwnZoneAndUnknownNames) {
  EXPECT_TRUE(FindTimeZone("UTC"));
  EXPECT_TRUE(FindTimeZone("Asia/Ho_Chi_Minh"));
  EXPECT_TRUE(FindTimeZone("Etc/GMT+7"));
  for (const char* bad : {"", "localtime", "/etc/localtime", "../localtime", "file:/etc/localtime", "Asia", "Nowhere/X",
                          "right/UTC", "posixrules", "zone.tab", "Asia/Ho Chi Minh", "Fixed/UTC+07:00:00"}) {
    EXPECT_FALSE(FindTimeZone(bad)) << bad;
  }
}

TEST(TimeZone, NamesABareOffset) {
  EXPECT_EQ(OffsetName(absl::Hours(7)), "UTC+07:00");
  EXPECT_EQ(OffsetName(-absl::Minutes(210)), "UTC-03:30");
  EXPECT_EQ(OffsetName(absl::ZeroDuration()), "UTC+00:00");
  EXPECT_EQ(OffsetZone(absl::Minutes(765)).At(absl::UnixEpoch()).offset, 45900);
  EXPECT_EQ(OffsetZone(absl::Minutes(765) + absl::Seconds(59)).At(absl::UnixEpoch()).offset, 45900);
}

}  // namespace
}  // namespace stratus::weather
