#include "services/weather/domain/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"

namespace stratus::weather {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename T>
std::vector<std::string> Fields(const absl::StatusOr<T>& result) {
  std::vector<std::string> fields;
  google::rpc::BadRequest details;
  if (result.ok() || !core::GetDetail(result.status(), &details)) return fields;
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  for (const auto& violation : details.field_violations()) fields.push_back(violation.field());
  return fields;
}

v1::GetTodayWeatherRequest At(double latitude, double longitude) {
  v1::GetTodayWeatherRequest request;
  request.mutable_location()->set_latitude(latitude);
  request.mutable_location()->set_longitude(longitude);
  return request;
}

TEST(Query, AnEmptyRequestMeansTheDefaultPlaceAndEverythingMetric) {
  const auto query = CheckToday({});
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_FALSE(query->where.coordinates);
  EXPECT_EQ(query->where.place, "");
  EXPECT_EQ(query->view.units, Units{});
  EXPECT_EQ(query->sections, Sections{});
}

TEST(Query, TakesPlacesInEveryForm) {
  const auto coordinates = CheckToday(At(-90, 180));
  ASSERT_TRUE(coordinates.ok()) << coordinates.status();
  EXPECT_EQ(coordinates->where.coordinates->latitude, -90);
  v1::GetTodayWeatherRequest brief;
  brief.set_lat(0);
  brief.set_lon(0);
  EXPECT_EQ(CheckToday(brief)->where.coordinates->longitude, 0);
  v1::GetTodayWeatherRequest named;
  named.set_q("  Hà Nội ");
  EXPECT_EQ(CheckToday(named)->where.place, "Hà Nội");
}

TEST(Query, NamesTheFieldTheCallerWrote) {
  EXPECT_THAT(Fields(CheckToday(At(91, 0))), ElementsAre("location.latitude"));
  EXPECT_THAT(Fields(CheckToday(At(0, -180.5))), ElementsAre("location.longitude"));
  EXPECT_THAT(Fields(CheckToday(At(std::numeric_limits<double>::quiet_NaN(), 0))), ElementsAre("location.latitude"));
  v1::GetTodayWeatherRequest brief;
  brief.set_lat(91);
  brief.set_lon(0);
  EXPECT_THAT(Fields(CheckToday(brief)), ElementsAre("lat"));
  EXPECT_THAT(CheckToday(brief).status().message(), HasSubstr("must be from -90 to 90 degrees, is 91"));
}

TEST(Query, HalfACoordinateNamesTheOtherHalf) {
  v1::GetTodayWeatherRequest brief;
  brief.set_lat(21);
  EXPECT_THAT(Fields(CheckToday(brief)), ElementsAre("lon"));
  v1::GetTodayWeatherRequest request;
  request.mutable_location()->set_longitude(5);
  EXPECT_THAT(Fields(CheckToday(request)), ElementsAre("location.latitude"));
}

TEST(Query, RefusesTwoWaysToSayWhere) {
  auto both = At(1, 2);
  both.set_lat(1);
  both.set_lon(2);
  EXPECT_THAT(Fields(CheckToday(both)), ElementsAre("lat"));
  auto with_name = At(1, 2);
  with_name.mutable_location()->set_place("Hanoi");
  EXPECT_THAT(Fields(CheckToday(with_name)), ElementsAre("location.place"));
  auto with_q = At(1, 2);
  with_q.set_q("Hanoi");
  EXPECT_THAT(Fields(CheckToday(with_q)), ElementsAre("q"));
}

TEST(Query, CollectsEveryViolationAtOnce) {
  auto request = At(91, 200);
  request.set_units("furlongs");
  request.set_language("english please");
  request.set_time_zone("Mars/Olympus");
  request.mutable_unit_options()->set_temperature(static_cast<v1::TemperatureUnit>(99));
  request.add_sections(v1::SECTION_UNSPECIFIED);
  request.add_sections(v1::SECTION_DAY);
  request.add_sections(v1::SECTION_DAY);
  EXPECT_THAT(Fields(CheckToday(request)),
              ElementsAre("location.latitude", "location.longitude", "language", "units", "unit_options.temperature",
                          "time_zone", "sections[0]", "sections[2]"));
}

TEST(Query, AnErrorRepeatsNoMoreThanAPrintablePiece) {
  v1::GetTodayWeatherRequest request;
  request.set_units(std::string(5000, 'x') + "\n");
  EXPECT_LT(CheckToday(request).status().message().size(), 200u);
  request.set_units("a\nb");
  EXPECT_THAT(CheckToday(request).status().message(), HasSubstr("`a?b`"));
}

TEST(Query, LanguageTagsAreCheckedByFormAlone) {
  for (const char* good : {"", "en", "vi", "pt-BR", "zh-Hant-TW", "de-1996"}) {
    v1::GetTodayWeatherRequest request;
    request.set_language(good);
    EXPECT_TRUE(CheckToday(request).ok()) << good;
  }
  for (const char* bad : {"e", "english", "en_US", "en-", "-en", "12", "en-toolongsubtag", "vi "}) {
    v1::GetTodayWeatherRequest request;
    request.set_language(bad);
    EXPECT_THAT(Fields(CheckToday(request)), ElementsAre("language")) << bad;
  }
}

TEST(Query, PlaceNamesAreBoundedInCharactersNotBytes) {
  v1::GetTodayWeatherRequest request;
  std::string name;
  for (int i = 0; i < 120; ++i) name += "ộ";
  request.set_q(name);
  EXPECT_TRUE(CheckToday(request).ok());
  request.set_q(name + "ộ");
  EXPECT_THAT(Fields(CheckToday(request)), ElementsAre("q"));
  request.set_q("   ");
  EXPECT_THAT(Fields(CheckToday(request)), ElementsAre("q"));
  request.set_q("Ha\tnoi");
  EXPECT_THAT(Fields(CheckToday(request)), ElementsAre("q"));
}

TEST(Query, SectionsLimitTheReply) {
  v1::GetTodayWeatherRequest request;
  request.add_sections(v1::SECTION_CURRENT);
  EXPECT_EQ(CheckToday(request)->sections, (Sections{true, false, false}));
}

TEST(Query, UnitOptionsOverrideTheSystem) {
  v1::GetTodayWeatherRequest request;
  request.set_units("imperial");
  request.mutable_unit_options()->set_wind_speed(v1::SPEED_UNIT_KNOTS);
  const auto query = CheckToday(request);
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->view.units.wind_speed, v1::SPEED_UNIT_KNOTS);
  EXPECT_EQ(query->view.units.temperature, v1::TEMPERATURE_UNIT_FAHRENHEIT);
}

TEST(Query, ForecastDaysGoFromOneToSeven) {
  v1::GetForecastRequest request;
  EXPECT_EQ(CheckForecast(request)->days, 7);
  EXPECT_FALSE(CheckForecast(request)->daily);
  request.set_days(8);
  EXPECT_THAT(Fields(CheckForecast(request)), ElementsAre("days"));
  request.set_days(-1);
  request.set_step(static_cast<v1::GetForecastRequest::Step>(7));
  EXPECT_THAT(Fields(CheckForecast(request)), ElementsAre("step", "days"));
}

TEST(Query, PlaceSearchesAreBounded) {
  v1::SearchPlacesRequest request;
  request.set_query("H");
  request.set_page_size(51);
  EXPECT_THAT(Fields(CheckPlaces(request)), ElementsAre("query", "page_size"));
  request.set_query("Hà");
  request.set_page_size(0);
  EXPECT_EQ(CheckPlaces(request)->page_size, 10);
}

TEST(Query, WatchesNameFieldsOfTheInnerRequestAndBoundTheInterval) {
  v1::WatchWeatherRequest request;
  EXPECT_EQ(CheckWatch(request)->min_interval, absl::Seconds(60));
  *request.mutable_weather() = At(91, 0);
  request.mutable_min_interval()->set_nanos(1);
  EXPECT_THAT(Fields(CheckWatch(request)), ElementsAre("weather.location.latitude", "min_interval"));
  request.clear_weather();
  request.mutable_min_interval()->set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_THAT(Fields(CheckWatch(request)), ElementsAre("min_interval"));
  request.mutable_min_interval()->set_seconds(1);
  request.mutable_min_interval()->set_nanos(0);
  EXPECT_EQ(CheckWatch(request)->min_interval, absl::Seconds(1));
}

TEST(Query, TheSourcesOwnJsonComesInStandardUnitsUnlessAsked) {
  v1::GetOpenWeatherRequest request;
  EXPECT_EQ(CheckRaw(request)->units, "standard");
  request.set_units("kelvin");
  EXPECT_THAT(Fields(CheckRaw(request)), ElementsAre("units"));
  request.set_units("metric");
  EXPECT_THAT(Fields(CheckRaw(request)), IsEmpty());
}

}  // namespace
}  // namespace stratus::weather
