#include "services/sandbox/places.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/time/time.h"
#include "services/sandbox/fold.h"

namespace stratus::sandbox {
namespace {

TEST(Fold, TakesCaseAndAccentsOff) {
  EXPECT_EQ(Fold("Hà Nội"), "ha noi");
  EXPECT_EQ(Fold("THÀNH PHỐ HỒ CHÍ MINH"), "thanh pho ho chi minh");
  EXPECT_EQ(Fold("Đà Nẵng"), "da nang");
  EXPECT_EQ(Fold("Tromsø"), "tromso");
  EXPECT_EQ(Fold("São Paulo"), "sao paulo");
  EXPECT_EQ(Fold("Ha\xCC\x80"), "ha") << "a combining grave accent";
  EXPECT_EQ(Fold("東京"), "東京");
}

TEST(Fold, SurvivesBrokenUtf8) {
  EXPECT_EQ(Fold("a\xE0\xA0"), "a\xE0\xA0");
  EXPECT_EQ(Fold("\xFF\x80z"), "\xFF\x80z");
}

TEST(Places, HaveZonesThatExistAndCoordinatesOnEarth) {
  std::set<int64_t> ids;
  for (const Place& place : Places()) {
    absl::TimeZone zone;
    EXPECT_TRUE(absl::LoadTimeZone(place.time_zone, &zone)) << place.name << ": " << place.time_zone;
    EXPECT_LE(std::abs(place.latitude), 90) << place.name;
    EXPECT_LE(std::abs(place.longitude), 180) << place.name;
    EXPECT_TRUE(ids.insert(place.id).second) << place.name << " shares its id";
  }
  EXPECT_GE(Places().size(), 40u);
}

TEST(Places, AreFoundByEitherNameAndMostPopulousFirst) {
  ASSERT_EQ(FindPlaces("hà nội", false).size(), 1u);
  EXPECT_STREQ(FindPlaces("HANOI", false).front()->name, "Hanoi");
  const auto londons = FindPlaces("London", false);
  ASSERT_EQ(londons.size(), 3u);
  EXPECT_STREQ(londons[0]->country_code, "GB");
  EXPECT_STREQ(londons[1]->country_code, "CA");
  EXPECT_EQ(FindPlaces("Springfield", false).size(), 3u);
  EXPECT_EQ(FindPlaces("spring", true).size(), 3u);
  EXPECT_TRUE(FindPlaces("spring", false).empty());
  EXPECT_TRUE(FindPlaces("", true).empty());
}

TEST(Places, GiveTheZoneOfTheNearestOrTheNauticalOne) {
  EXPECT_EQ(TimeZoneAt(21.0, 105.8), "Asia/Ho_Chi_Minh");
  EXPECT_EQ(TimeZoneAt(-44.0, -176.5), "Pacific/Chatham");
  EXPECT_EQ(TimeZoneAt(0, -30), "Etc/GMT+2") << "two hours behind, in the middle of the Atlantic";
  EXPECT_EQ(TimeZoneAt(-30, 90), "Etc/GMT-6");
  EXPECT_EQ(TimeZoneAt(0, 0), "GMT");
  absl::TimeZone zone;
  ASSERT_TRUE(absl::LoadTimeZone(TimeZoneAt(-30, 90), &zone));
  EXPECT_EQ(zone.At(absl::UnixEpoch()).offset, 6 * 3600);
}

TEST(Places, MeasureDistancesOverTheDateLine) {
  EXPECT_NEAR(DistanceKm(0, 179, 0, -179), 222, 1);
  EXPECT_NEAR(DistanceKm(51.5085, -0.1257, 48.8534, 2.3488), 344, 2);
}

}  // namespace
}  // namespace stratus::sandbox
