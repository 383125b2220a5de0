#include <gtest/gtest.h>

#include <string>

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
        Replaced(good, R"("time":1768436100)", R"("time":"now")"),
        Replaced(good, R"("time":1768436100)", R"("time":NaN)"), Replaced(good, R"("hourly":{)", R"("hours":{)"),
        Replaced(good, R"("utc_offset_seconds":49500)", R"("utc_offset_seconds":1e9)"),
        Replaced(good, R"("hourly":{"time":[1768299300)", R"("hourly":{"time":[9)")}) {
    const auto report = open_meteo::ParseReport("open-meteo", bad);
    EXPECT_EQ(ReasonOf(report.status()), reason::kBadAnswer) << bad.substr(0, 60);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kUnavailable);
  }
}

TEST(OpenMeteoParse, ReadsPlacesAndNoPlaces) {
  const auto places = open_meteo::ParsePlaces("open-meteo", Testdata("open_meteo_geocoding.json"));
  ASSERT_TRUE(places.ok()) << places.status();
  ASSERT_EQ(places->size(), 1u);
  EXPECT_EQ((*places)[0].name, "Hanoi");
  EXPECT_EQ((*places)[0].time_zone, "Asia/Ho_Chi_Minh");
  EXPECT_EQ((*places)[0].elevation_m, 12);
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
  EXPECT_FALSE(report->rows[1].precipitation_mm) << "no rain object: absent, not 0";
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
  expect_bad(openweather::ParseReport(Replaced(weather, R"("dt":1795237200)", R"("dt":"x")"), forecast));
  expect_bad(openweather::ParseReport(Replaced(weather, R"("main":{"temp")", R"("mein":{"temp")"), forecast));
  expect_bad(openweather::ParseReport(Replaced(weather, R"("timezone":25200)", R"("timezone":"+7")"), forecast));
  expect_bad(openweather::ParseReport(weather, forecast.substr(0, 500)));
  expect_bad(openweather::ParseReport(weather, R"({"cod":"200"})"));
  expect_bad(openweather::ParseReport(weather, Replaced(forecast, R"("dt":1795251600)", R"("dt":1795240800)")));
}

TEST(OpenWeatherParse, ReadsPlacesInTheLanguageAskedFor) {
  const auto places = openweather::ParsePlaces(Testdata("openweather_geocoding.json"), "vi");
  ASSERT_TRUE(places.ok()) << places.status();
  ASSERT_EQ(places->size(), 4u);
  EXPECT_EQ((*places)[0].name, "Luân Đôn");
  EXPECT_EQ((*places)[2].region, "Ontario");
  EXPECT_EQ(ReasonOf(openweather::ParsePlaces("{}", "en").status()), reason::kBadAnswer);
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
