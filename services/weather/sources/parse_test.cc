#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "services/weather/domain/place_match.h"
#include "services/weather/domain/reply.h"
#include "services/weather/sources/json_reader.h"
#include "services/weather/sources/open_meteo_parse.h"
#include "services/weather/sources/openweather_parse.h"
#include "services/weather/sources/upstream_error.h"
#include "services/weather/testing/fake_upstream.h"

namespace stratus::weather {
namespace {

using testing::Testdata;

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << error;
  return time;
}

TEST(OpenMeteoParse, ReadsAReportAndTodayAtChatham) {
  auto report = open_meteo::ParseReport("open-meteo", Testdata("open_meteo_chatham.json"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->time_zone, "Pacific/Chatham");
  EXPECT_EQ(report->utc_offset, absl::Minutes(13 * 60 + 45));
  EXPECT_EQ(report->rows.size(), 72u);
  EXPECT_EQ(report->current->temperature_c, 15.4);
  EXPECT_EQ(report->current->step, absl::Minutes(15));
  EXPECT_FALSE(report->rows[0].visibility_m) << "null in the answer";
  EXPECT_EQ(report->rows[1].visibility_m, 24140);

  report->place.coordinates = {-43.95, -176.55};
  const auto today = BuildToday(*report, View{}, Sections{}, report->place, Utc("2026-01-15T00:20:00Z")).message;
  EXPECT_EQ(today.day().date(), "2026-01-15");
  EXPECT_EQ(today.hours_size(), 24);
  EXPECT_EQ(today.day().temperature_max(), 18.2) << "the source's own day is ours";
  EXPECT_EQ(today.day().sun(), v1::Day::SUN_RISES_AND_SETS);
  EXPECT_TRUE(today.current().is_day());
  EXPECT_EQ(today.current().condition().icon(), "03d");
}

TEST(OpenMeteoParse, ADayWithAClockChangeIsSummedFromItsOwnHours) {
  auto report = open_meteo::ParseReport("open-meteo", Testdata("open_meteo_new_york_dst.json"));
  ASSERT_TRUE(report.ok()) << report.status();
  report->place.coordinates = {40.71, -74.01};
  const auto today = BuildToday(*report, View{}, Sections{}, report->place, Utc("2026-11-01T15:00:00Z")).message;
  EXPECT_EQ(today.day().date(), "2026-11-01");
  EXPECT_EQ(today.hours_size(), 25);
  EXPECT_EQ(today.utc_offset().seconds(), -5 * 3600) << "the zone's, not the answer's one offset";
  EXPECT_NE(today.day().temperature_max(), 18.2) << "the source's sums are of another span";
}

TEST(OpenMeteoParse, WrongValuesAreAbsentAndTheRestIsKept) {
  std::string text = Testdata("open_meteo_chatham.json");
  text = Replaced(text, R"("temperature_2m":15.4)", R"("temperature_2m":"warm")");
  text = Replaced(text, R"("relative_humidity_2m":72)", R"("relative_humidity_2m":720)");
  text = Replaced(text, R"("wind_gusts_10m":10.8)", R"("wind_gusts_10m":1e308)");
  text = Replaced(text, R"("weather_code":2})", R"("weather_code":null})");
  const auto report = open_meteo::ParseReport("open-meteo", text);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->current->temperature_c);
  EXPECT_FALSE(report->current->humidity_percent);
  EXPECT_FALSE(report->current->wind_gust_mps);
  EXPECT_FALSE(report->current->sky);
  EXPECT_EQ(report->current->wind_speed_mps, 6.2);
}

TEST(OpenMeteoParse, AWrongSkeletonIsABadAnswer) {
  const std::string good = Testdata("open_meteo_chatham.json");
  for (const std::string& bad :
       {std::string("<html><body>Bad gateway</body></html>"), std::string(), good.substr(0, good.size() / 2),
        std::string("[]"), std::string("{}"), std::string("null"),
        Replaced(Replaced(good, R"("time":1768436100)", R"("time":"now")"), R"("hourly":{)", R"("hours":{)")}) {
    const auto report = open_meteo::ParseReport("open-meteo", bad);
    EXPECT_EQ(ReasonOf(report.status()), reason::kBadAnswer) << bad.substr(0, 60);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kUnavailable);
  }
}

TEST(OpenMeteoParse, WhatIsOddIsLostAndNoMore) {
  const std::string good = Testdata("open_meteo_chatham.json");
  const auto parse = [](const std::string& text) {
    auto report = open_meteo::ParseReport("open-meteo", text);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(SourceReport{});
  };
  for (const char* bare : {"NaN", "nan", "-Infinity", "inf"}) {
    const SourceReport report =
        parse(Replaced(good, R"("temperature_2m":15.4)", std::string(R"("temperature_2m":)") + bare));
    EXPECT_FALSE(report.current->temperature_c) << bare;
    EXPECT_EQ(report.current->wind_speed_mps, 6.2) << bare;
    EXPECT_EQ(report.rows.size(), 72u) << bare;
  }
  EXPECT_FALSE(parse(Replaced(good, R"("time":1768436100)", R"("time":NaN)")).current);
  EXPECT_EQ(parse(Replaced(good, R"("time":1768436100)", R"("time":NaN)")).rows.size(), 72u);
  EXPECT_TRUE(parse(Replaced(good, R"("hourly":{)", R"("hours":{)")).rows.empty());
  EXPECT_EQ(parse(Replaced(good, R"("hourly":{"time":[1768299300)", R"("hourly":{"time":[null)")).rows.size(), 71u);
  EXPECT_EQ(parse(Replaced(good, R"("utc_offset_seconds":49500)", R"("utc_offset_seconds":null)")).utc_offset,
            absl::Minutes(13 * 60 + 45))
      << "the zone's";
}

TEST(OpenMeteoParse, TrailingRowsWithoutTimeOrValuesAreLeftOut) {
  const auto report = open_meteo::ParseReport("open-meteo", R"({"utc_offset_seconds":25200,"hourly":{
      "time":[1768299300,1768302900,1768306500,null],"temperature_2m":[20.5,null,21.5,null],
      "weather_code":[1,null,2,null]}})");
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->rows.size(), 2u);
  EXPECT_EQ(report->rows[1].temperature_c, 21.5);
  EXPECT_EQ(report->rows[1].time, absl::FromUnixSeconds(1768306500));
}

TEST(OpenMeteoParse, ReadsPlacesAndNoPlaces) {
  const auto places = open_meteo::ParsePlaces("open-meteo", Testdata("open_meteo_geocoding.json"));
  ASSERT_TRUE(places.ok()) << places.status();
  ASSERT_EQ(places->size(), 1u);
  EXPECT_EQ((*places)[0].name, "Hanoi");
  EXPECT_EQ((*places)[0].time_zone, "Asia/Ho_Chi_Minh");
  EXPECT_EQ((*places)[0].elevation_m, 12);
  EXPECT_EQ((*places)[0].population, 8053663);
  EXPECT_TRUE(open_meteo::ParsePlaces("open-meteo", R"({"generationtime_ms":0.3})")->empty());
  EXPECT_EQ(ReasonOf(open_meteo::ParsePlaces("open-meteo", R"({"results":3})").status()), reason::kBadAnswer);
}

TEST(OpenWeatherParse, ReadsCurrentWeatherAndTheThreeHourRows) {
  const auto report =
      openweather::ParseReport(Testdata("openweather_weather.json"), Testdata("openweather_forecast.json"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->place.name, "Hà Nội");
  EXPECT_EQ(report->place.country_code, "VN");
  EXPECT_EQ(report->time_zone, "") << "OpenWeather tells an offset alone";
  EXPECT_EQ(report->utc_offset, absl::Hours(7));
  EXPECT_EQ(report->current->pressure_hpa, 1017);
  EXPECT_EQ(report->current->precipitation_mm, 0.42);
  EXPECT_EQ(report->current->sky->text, "mưa nhẹ");
  ASSERT_EQ(report->rows.size(), 5u);
  EXPECT_EQ(report->rows[0].step, absl::Hours(3));
  EXPECT_EQ(report->rows[0].precipitation_probability_percent, 62);
  EXPECT_EQ(report->rows[1].precipitation_mm, 0) << "what OpenWeather leaves out did not happen";
  EXPECT_EQ(report->rows[4].precipitation_mm, 2.5) << "rain and snow";
  EXPECT_FALSE(report->rows[2].wind_gust_mps);

  const auto today = BuildToday(*report, View{}, Sections{}, report->place, Utc("2026-11-21T05:05:00Z")).message;
  EXPECT_EQ(today.time_zone(), "UTC+07:00");
  EXPECT_EQ(today.day().data_start().seconds(), absl::ToUnixSeconds(Utc("2026-11-21T05:00:00Z")));
  EXPECT_EQ(today.day().temperature_max(), 22.1);
  EXPECT_EQ(today.hours_size(), 4) << "the row at 18:00Z is tomorrow's";
}

TEST(OpenWeatherParse, AWrongSkeletonIsABadAnswer) {
  const std::string weather = Testdata("openweather_weather.json");
  const std::string forecast = Testdata("openweather_forecast.json");
  const auto expect_bad = [](const absl::StatusOr<SourceReport>& report) {
    EXPECT_EQ(ReasonOf(report.status()), reason::kBadAnswer) << report.status();
  };
  expect_bad(openweather::ParseReport("<!DOCTYPE html>", forecast));
  expect_bad(openweather::ParseReport(weather.substr(0, 200), forecast));
  expect_bad(openweather::ParseReport(weather, forecast.substr(0, 500)));
  expect_bad(openweather::ParseReport(Replaced(weather, R"("dt":1795237200)", R"("dt":"x")"), R"({"cod":"200"})"));
}

TEST(OpenWeatherParse, WhatIsOddIsLostAndNoMore) {
  const std::string weather = Testdata("openweather_weather.json");
  const std::string forecast = Testdata("openweather_forecast.json");
  const auto parse = [](const std::string& current, const std::string& rows) {
    auto report = openweather::ParseReport(current, rows);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(SourceReport{});
  };
  EXPECT_FALSE(parse(Replaced(weather, R"("main":{"temp")", R"("mein":{"temp")"), forecast).current);
  EXPECT_TRUE(parse(weather, R"({"cod":"200"})").rows.empty());
  EXPECT_EQ(parse(weather, Replaced(forecast, R"("dt":1795251600)", R"("dt":1795240800)")).rows.size(), 4u);
  EXPECT_EQ(parse(Replaced(weather, R"("timezone":25200)", R"("timezone":"+7")"), forecast).utc_offset, absl::Hours(7));
}

TEST(OpenWeatherParse, ReadsPlacesInTheLanguageAskedFor) {
  const auto places = openweather::ParsePlaces(Testdata("openweather_geocoding.json"), "vi");
  ASSERT_TRUE(places.ok()) << places.status();
  ASSERT_EQ(places->size(), 4u);
  EXPECT_EQ((*places)[0].name, "Luân Đôn");
  EXPECT_THAT((*places)[0].other_names, ::testing::Contains("London"));
  EXPECT_GT((*places)[0].languages, 0);
  EXPECT_EQ((*places)[2].region, "Ontario");
  EXPECT_EQ(ReasonOf(openweather::ParsePlaces("{}", "en").status()), reason::kBadAnswer);
}

// Each row of the table is a search, what the geocoder answers, and the place that a person means.
TEST(PlaceMatch, FindsLargeCitiesByTheNamesThatPeopleType) {
  simdjson::dom::parser parser;
  simdjson::dom::array table;
  const std::string text = Testdata("geocoding_cities.json");
  ASSERT_EQ(parser.parse(text).get_array().get(table), simdjson::SUCCESS);
  std::set<uint64_t> cities;
  std::set<std::string> languages;
  for (const json::Element row : table) {
    const std::string query = json::Text(row, "query");
    const std::string language = json::Text(row, "language");
    const auto places = open_meteo::ParsePlaces("open-meteo", simdjson::to_string(row));
    ASSERT_TRUE(places.ok()) << places.status();
    const auto matches = MatchPlaces(ParsePlaceName(query), language, *places);
    ASSERT_EQ(matches.size(), 1u) << query << " in " << language;
    uint64_t wanted = 0;
    ASSERT_EQ(row["id"].get_uint64().get(wanted), simdjson::SUCCESS);
    simdjson::dom::array results;
    ASSERT_EQ(row["results"].get_array().get(results), simdjson::SUCCESS);
    for (const json::Element result : results) {
      uint64_t id = 0;
      ASSERT_EQ(result["id"].get_uint64().get(id), simdjson::SUCCESS);
      if (id != wanted) continue;
      const Coordinates there = {*json::Number(result, "latitude", {-90, 90}),
                                 *json::Number(result, "longitude", {-180, 180})};
      EXPECT_LT(DistanceKilometers(there, matches[0].coordinates), 30) << query << " in " << language;
    }
    cities.insert(wanted);
    languages.insert(language);
  }
  EXPECT_GE(cities.size(), 200u);
  EXPECT_GE(languages.size(), 10u);
}

TEST(JsonReader, CutsLongTextsAtACharactersEnd) {
  std::string name;
  for (int i = 0; i < 200; ++i) name += "ộ";
  const auto document = json::Document::Parse(R"({"name":")" + name + R"("})");
  ASSERT_TRUE(document);
  EXPECT_EQ(json::Text(document->root(), "name").size(), 255u);
}

}  // namespace
}  // namespace stratus::weather
