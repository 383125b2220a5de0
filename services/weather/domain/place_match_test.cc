#include "services/weather/domain/place_match.h"

#include <gtest/gtest.h>

#include <string>

#include "services/weather/domain/name_fold.h"
#include "services/weather/domain/region_names.h"

namespace stratus::weather {
namespace {

PlaceInfo At(const std::string& name, const char* country, const char* region, double latitude, double longitude,
             std::optional<int64_t> population = std::nullopt) {
  return {.name = name,
          .coordinates = {latitude, longitude},
          .country_code = country,
          .region = region,
          .population = population};
}

std::vector<PlaceInfo> Match(std::string_view text, const std::vector<PlaceInfo>& answers,
                             std::string_view language = "en") {
  return MatchPlaces(ParsePlaceName(text), language, answers);
}

TEST(FoldName, MakesSpellingsOfOneNameEqual) {
  EXPECT_EQ(FoldName("SÃO PAULO"), "sao paulo");
  EXPECT_EQ(FoldName("Sa\u0303o  Paulo"), "sao paulo") << "decomposed";
  EXPECT_EQ(FoldName("Saint-Étienne"), FoldName("saint etienne"));
  EXPECT_EQ(FoldName("Đà Nẵng"), "da nang");
  EXPECT_EQ(FoldName("Łódź"), "lodz");
  EXPECT_EQ(FoldName("İstanbul"), "istanbul");
  EXPECT_EQ(FoldName("Diyarbakır"), "diyarbakir");
  EXPECT_EQ(FoldName("Gießen"), "giessen");
  EXPECT_EQ(FoldName("Tromsø"), "tromso");
  EXPECT_EQ(FoldName("Sana’a"), FoldName("Sana'a"));
  EXPECT_EQ(FoldName("Washington, D.C."), "washington dc");
  EXPECT_EQ(FoldName(" , "), "");
}

TEST(FoldName, KeepsScriptsAndTheirVowels) {
  EXPECT_EQ(FoldName("МОСКВА"), "москва");
  EXPECT_EQ(FoldName("서울"), "서울");
  EXPECT_NE(FoldName("दिल्ली"), FoldName("दल्ल"));
  EXPECT_NE(FoldName("ガス"), FoldName("カス"));
  EXPECT_EQ(FoldName("\xff"), FoldName("\xfe")) << "no UTF-8: replaced, never a crash";
}

TEST(RegionNames, KnowCountriesAndStates) {
  EXPECT_EQ(CountryCode("fr", ""), "FR");
  EXPECT_EQ(CountryCode("France", ""), "FR");
  EXPECT_EQ(CountryCode("Frankreich", "de"), "FR");
  EXPECT_EQ(CountryCode("Cote d'Ivoire", "en"), "CI");
  EXPECT_EQ(CountryCode("DEU", ""), "DE");
  EXPECT_EQ(CountryCode("USA", ""), "US");
  EXPECT_EQ(CountryCode("Россия", "ru"), "RU");
  EXPECT_EQ(CountryCode("Texas", "en"), "");
  EXPECT_STREQ(FindSubdivision("tx")->name, "Texas");
  EXPECT_STREQ(FindSubdivision("D.C.")->name, "District of Columbia");
  EXPECT_STREQ(FindSubdivision("WA", "AU")->name, "Western Australia");
  EXPECT_EQ(FindSubdivision("WA", "CA"), nullptr);
  EXPECT_EQ(FindSubdivision("France"), nullptr);
}

TEST(PlaceMatch, TakesTheOnePlaceOfExactlyThatName) {
  const auto matches = Match("hanoi", {At("Hanoi", "VN", "Hanoi", 21.02, 105.84), At("Hanoia", "GR", "", 39.0, 22.0)});
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].country_code, "VN");
}

TEST(PlaceMatch, AsksWhereAPersonWould) {
  const std::vector<PlaceInfo> unknown = {At("Paris", "FR", "Ile-de-France", 48.85, 2.35),
                                          At("Paris", "US", "Texas", 33.66, -95.56)};
  EXPECT_EQ(Match("Paris", unknown).size(), 2u) << "nothing tells how well either is known";
  EXPECT_EQ(Match("Hyderabad", {At("Hyderabad", "IN", "Telangana", 17.38, 78.46, 6809970),
                                At("Hyderabad", "PK", "Sindh", 25.39, 68.37, 1732693)})
                .size(),
            2u);
  EXPECT_EQ(Match("Altdorf", {At("Altdorf", "CH", "Uri", 46.88, 8.64, 9200), At("Altdorf", "DE", "BW", 48.6, 8.9, 900)})
                .size(),
            2u)
      << "two villages";
}

TEST(PlaceMatch, TakesTheFarBetterKnown) {
  const auto matches = Match("paris", {At("Paris", "US", "Texas", 33.66, -95.56, 24782),
                                       At("Paris", "FR", "Ile-de-France", 48.85, 2.35, 2138551)});
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].country_code, "FR");
}

TEST(PlaceMatch, QualifiersAreNeverIgnored) {
  const std::vector<PlaceInfo> answers = {At("Paris", "FR", "Île-de-France", 48.85, 2.35, 2138551),
                                          At("Paris", "US", "Texas", 33.66, -95.56, 24782),
                                          At("Paris", "US", "Tennessee", 36.3, -88.3, 10150)};
  for (const char* texas : {"Paris, Texas", "Paris,TX", "Paris, tx, US", "paris, Texas, United States"}) {
    const auto matches = Match(texas, answers);
    ASSERT_EQ(matches.size(), 1u) << texas;
    EXPECT_EQ(matches[0].region, "Texas") << texas;
  }
  EXPECT_EQ(Match("Paris, ile de france", answers).size(), 1u);
  EXPECT_EQ(Match("Paris, Frankreich", answers, "de").size(), 1u);
  EXPECT_EQ(Match("Paris, US", answers).size(), 2u);
  EXPECT_TRUE(Match("Paris, DE", answers).empty());
  EXPECT_TRUE(Match("Paris, Texas, France", answers).empty());
  EXPECT_TRUE(Match("Paris, nowhere", answers).empty());
}

TEST(PlaceMatch, ReadsACodeBothWays) {
  const auto matches = Match("London, CA", {At("London", "GB", "England", 51.5, -0.12, 8961989),
                                            At("London", "CA", "Ontario", 42.98, -81.2, 422324),
                                            At("London", "US", "California", 36.47, -119.4, 1869)});
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].region, "Ontario");
}

TEST(PlaceMatch, KeepsTheGeocodersBestAnswerWhateverItsName) {
  const auto matches = Match(
      "Munich",
      {At("München", "DE", "Bayern", 48.13, 11.57, 1505005), At("Munich", "US", "North Dakota", 48.67, -98.84, 206)},
      "de");
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].name, "München");
}

TEST(PlaceMatch, KnowsAPlaceByItsNamesInOtherLanguages) {
  PlaceInfo munich = At("Munich", "DE", "Bavaria", 48.13, 11.57);
  munich.other_names = {"München", "Мюнхен"};
  const std::vector<PlaceInfo> answers = {At("Munchen-Gladbach", "DE", "", 51.2, 6.4), munich};
  EXPECT_EQ(Match("мюнхен", {munich}).size(), 1u);
  EXPECT_EQ(Match("Munchen", {munich, At("Munchen-Gladbach", "DE", "", 51.2, 6.4)}).size(), 1u);
}

TEST(PlaceMatch, CountsLanguagesWhereASourceTellsNoPopulation) {
  PlaceInfo london = At("London", "GB", "England", 51.507, -0.128);
  london.languages = 150;
  PlaceInfo ontario = At("London", "CA", "Ontario", 42.98, -81.2);
  ontario.languages = 19;
  const auto matches = Match("London", {london, ontario, At("London", "US", "Kentucky", 37.1, -84.08)});
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].country_code, "GB");
}

TEST(PlaceMatch, TakesAnswersCloseTogetherForOnePlace) {
  const auto matches =
      Match("London", {At("London", "GB", "England", 51.507, -0.128), At("London", "GB", "", 51.515, -0.093)});
  EXPECT_EQ(matches.size(), 1u);
}

TEST(PlaceMatch, TakesAllAnswersWhenNoneHasTheName) {
  EXPECT_EQ(Match("Saigon", {At("Ho Chi Minh City", "VN", "", 10.8, 106.6)}).size(), 1u);
  EXPECT_TRUE(Match("Nowhere", {}).empty());
  EXPECT_TRUE(Match(" , ", {At("Hanoi", "VN", "", 21.02, 105.84)}).empty());
}

TEST(PlaceMatch, MeasuresOnASphere) {
  EXPECT_NEAR(DistanceKilometers({0, 0}, {0, 90}), 10007.5, 1);
  EXPECT_NEAR(DistanceKilometers({0, 179.9}, {0, -179.9}), 22.2, 0.1);
}

}  // namespace
}  // namespace stratus::weather
