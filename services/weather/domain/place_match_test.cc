#include "services/weather/domain/place_match.h"

#include <gtest/gtest.h>

#include <string>

namespace stratus::weather {
namespace {

PlaceInfo At(const std::string& name, const char* country, const char* region, double latitude, double longitude) {
  return {.name = name, .coordinates = {latitude, longitude}, .country_code = country, .region = region};
}

TEST(PlaceMatch, TakesTheOnePlaceOfExactlyThatName) {
  const auto matches =
      MatchPlaces("hanoi", {At("Hanoi", "VN", "Hanoi", 21.02, 105.84), At("Hanoia", "GR", "", 39.0, 22.0)});
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].country_code, "VN");
}

TEST(PlaceMatch, NeverGuessesBetweenTwo) {
  const std::vector<PlaceInfo> answers = {At("Paris", "FR", "Ile-de-France", 48.85, 2.35),
                                          At("Paris", "US", "Texas", 33.66, -95.56)};
  EXPECT_EQ(MatchPlaces("Paris", answers).size(), 2u);
  ASSERT_EQ(MatchPlaces("Paris, us", answers).size(), 1u);
  EXPECT_EQ(MatchPlaces("Paris,Texas,US", answers)[0].region, "Texas");
  EXPECT_TRUE(MatchPlaces("Paris, DE", answers).empty());
}

TEST(PlaceMatch, TakesAnswersCloseTogetherForOnePlace) {
  const auto matches =
      MatchPlaces("London", {At("London", "GB", "England", 51.507, -0.128), At("London", "GB", "", 51.515, -0.093)});
  EXPECT_EQ(matches.size(), 1u);
}

TEST(PlaceMatch, TakesAllAnswersWhenTheNameIsInAnotherLanguage) {
  EXPECT_EQ(MatchPlaces("Hà Nội", {At("Hanoi", "VN", "", 21.02, 105.84)}).size(), 1u);
  EXPECT_TRUE(MatchPlaces("Nowhere", {}).empty());
  EXPECT_TRUE(MatchPlaces(" , ", {At("Hanoi", "VN", "", 21.02, 105.84)}).empty());
}

TEST(PlaceMatch, MeasuresOnASphere) {
  EXPECT_NEAR(DistanceKilometers({0, 0}, {0, 90}), 10007.5, 1);
  EXPECT_NEAR(DistanceKilometers({0, 179.9}, {0, -179.9}), 22.2, 0.1);
}

}  // namespace
}  // namespace stratus::weather
