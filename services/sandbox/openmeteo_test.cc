#include "services/sandbox/openmeteo.h"

#include <gmock/gmock.h>

#include "services/sandbox/sandbox_fixture.h"

namespace stratus::sandbox {
namespace {

class OpenMeteoTest : public SandboxTest {
 protected:
  Json Forecast(const std::string& query) {
    const Reply reply = Get("/v1/forecast?" + query);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json;
  }
  std::string Reason(const std::string& path) {
    const Reply reply = Get(path);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json.value("error", false), true);
    return reply.json.value("reason", "");
  }
};

TEST_F(OpenMeteoTest, GivesColumnsWithTheirUnits) {
  const Json json = Forecast(
      "latitude=21.03&longitude=105.83&current=temperature_2m,is_day&hourly=temperature_2m,weather_code,visibility"
      "&daily=temperature_2m_max,temperature_2m_min,sunrise,sunset&timezone=auto&forecast_days=3");
  EXPECT_EQ(json["timezone"], "Asia/Ho_Chi_Minh");
  EXPECT_EQ(json["timezone_abbreviation"], "GMT+7");
  EXPECT_EQ(json["utc_offset_seconds"], 25200);
  EXPECT_EQ(json["elevation"], 12.0);
  EXPECT_EQ(json["current_units"]["temperature_2m"], "°C");
  EXPECT_EQ(json["current"]["time"], "2026-01-15T07:00");
  EXPECT_EQ(json["current"]["interval"], 900);
  EXPECT_EQ(json["current"]["is_day"], 1);
  EXPECT_EQ(json["hourly_units"]["weather_code"], "wmo code");
  const Json& hourly = json["hourly"];
  for (const char* name : {"time", "temperature_2m", "weather_code", "visibility"}) {
    EXPECT_EQ(hourly[name].size(), 72u) << name;
  }
  EXPECT_EQ(hourly["time"][0], "2026-01-15T00:00");
  EXPECT_EQ(hourly["time"][71], "2026-01-17T23:00");
  EXPECT_EQ(json["daily"]["time"], Json::array({"2026-01-15", "2026-01-16", "2026-01-17"}));
  EXPECT_EQ(json["daily_units"]["sunrise"], "iso8601");
  EXPECT_THAT(json["daily"]["sunrise"][0].get<std::string>(), testing::StartsWith("2026-01-15T06:3"));
  for (int day = 0; day < 3; ++day) {
    double most = -100;
    for (int hour = 0; hour < 24; ++hour)
      most = std::max(most, hourly["temperature_2m"][day * 24 + hour].get<double>());
    EXPECT_EQ(json["daily"]["temperature_2m_max"][day], most);
  }
}

TEST_F(OpenMeteoTest, CountsInUnixTimeFromLocalMidnight) {
  const Json json = Forecast(
      "latitude=-43.95&longitude=-176.56&hourly=rain&daily=sunrise,weather_code&timezone=auto&timeformat=unixtime"
      "&forecast_days=1&past_days=1");
  EXPECT_EQ(json["timezone"], "Pacific/Chatham");
  EXPECT_EQ(json["utc_offset_seconds"], 49500);
  EXPECT_EQ(json["timezone_abbreviation"], "GMT+13:45");
  // 13:45 on 15 January there; its midnight is 10:15 UTC of the 14th, and yesterday is asked for too.
  EXPECT_EQ(json["hourly"]["time"][0], 1768435200 - 49500 - 86400);
  EXPECT_EQ(json["hourly"]["time"].size(), 48u);
  EXPECT_EQ(json["daily"]["time"], Json::array({1768435200 - 49500 - 86400, 1768435200 - 49500}));
  EXPECT_EQ(json["daily_units"]["sunrise"], "unixtime");
  EXPECT_GT(json["daily"]["sunrise"][1], json["daily"]["time"][1]);
}

TEST_F(OpenMeteoTest, KeepsOneOffsetOverAClockChange) {
  clock_.Advance(absl::FromUnixSeconds(1793428200) - clock_.Now());  // 2026-10-31 02:30 in New York, on daylight time
  const Json json = Forecast("latitude=40.71&longitude=-74.0&hourly=rain&timezone=auto&forecast_days=3");
  EXPECT_EQ(json["utc_offset_seconds"], -4 * 3600);
  ASSERT_EQ(json["hourly"]["time"].size(), 72u);
  EXPECT_EQ(json["hourly"]["time"][24], "2026-11-01T00:00");
  EXPECT_EQ(json["hourly"]["time"][48], "2026-11-02T00:00") << "25 hours later by the wall clock";
}

TEST_F(OpenMeteoTest, MarksPolarDayAndNightByTheLengthOfTheDay) {
  const Json night =
      Forecast("latitude=78.22&longitude=15.65&daily=sunrise,sunset,daylight_duration&timezone=auto&forecast_days=1");
  EXPECT_EQ(night["daily"]["sunrise"][0], "2026-01-15T00:00");
  EXPECT_EQ(night["daily"]["sunset"][0], "2026-01-15T00:00");
  EXPECT_EQ(night["daily"]["daylight_duration"][0], 0.0);
  const Json day =
      Forecast("latitude=-90&longitude=0&daily=sunrise,sunset,daylight_duration&timezone=GMT&forecast_days=1");
  EXPECT_EQ(day["daily"]["sunrise"][0], "2026-01-15T00:00");
  EXPECT_EQ(day["daily"]["sunset"][0], "2026-01-16T00:00");
  EXPECT_EQ(day["daily"]["daylight_duration"][0], 86400.0);
}

TEST_F(OpenMeteoTest, ConvertsUnits) {
  const std::string query = "latitude=52.5&longitude=13.4&current=temperature_2m,wind_speed_10m,visibility";
  const Json metric = Forecast(query + "&wind_speed_unit=ms")["current"];
  const Json imperial = Forecast(query + "&temperature_unit=fahrenheit&wind_speed_unit=mph&precipitation_unit=inch");
  EXPECT_EQ(imperial["current_units"]["temperature_2m"], "°F");
  EXPECT_EQ(imperial["current_units"]["wind_speed_10m"], "mp/h");
  EXPECT_EQ(imperial["current_units"]["visibility"], "ft");
  EXPECT_NEAR(imperial["current"]["temperature_2m"].get<double>(), metric["temperature_2m"].get<double>() * 1.8 + 32,
              0.15);
  EXPECT_NEAR(imperial["current"]["wind_speed_10m"].get<double>(), metric["wind_speed_10m"].get<double>() * 2.2369,
              0.2);
  EXPECT_EQ(Forecast(query)["current_units"]["wind_speed_10m"], "km/h");
}

TEST_F(OpenMeteoTest, RefusesAsTheRealOneDoes) {
  EXPECT_EQ(Reason("/v1/forecast?latitude=91&longitude=0"), "Latitude must be in range of -90 to 90°. Given: 91.0.");
  EXPECT_EQ(Reason("/v1/forecast?latitude=0&longitude=-180.5"),
            "Longitude must be in range of -180 to 180°. Given: -180.5.");
  EXPECT_EQ(Reason("/v1/forecast?latitude=0"),
            "Parameter 'latitude' and 'longitude' must have the same number of elements");
  EXPECT_EQ(Reason("/v1/forecast?latitude=abc&longitude=0"),
            "Data corrupted at path ''. Cannot initialize Float from invalid String value abc.");
  const std::string place = "/v1/forecast?latitude=1&longitude=1&";
  EXPECT_EQ(Reason(place + "hourly=temperature"),
            "Data corrupted at path ''. Cannot initialize ForecastVariableHourly from invalid String value "
            "temperature.");
  EXPECT_THAT(Reason(place + "daily=sunrise,moonrise"), testing::HasSubstr("ForecastVariableDaily"));
  EXPECT_EQ(Reason(place + "forecast_days=17"), "Forecast days is invalid. Allowed range 0 to 16. Given 17.");
  EXPECT_EQ(Reason(place + "past_days=-1"), "Past days is invalid. Allowed range 0 to 92. Given -1.");
  EXPECT_THAT(Reason(place + "temperature_unit=kelvin"), testing::HasSubstr("TemperatureUnit"));
  for (const char* zone : {"Mars/Olympus", "../../etc/passwd", "/etc/localtime", "localtime", "file:/etc/localtime"}) {
    EXPECT_EQ(Reason(place + "timezone=" + zone), "Invalid timezone") << zone;
  }
  EXPECT_EQ(Reason(place + "start_date=2026-01-01"), "The sandbox has no 'start_date'");
}

TEST_F(OpenMeteoTest, FindsPlacesByName) {
  const auto search = [&](const std::string& query) { return Get("/v1/search?" + query).json; };
  const Json springfield = search("name=Springfield&count=2");
  ASSERT_EQ(springfield["results"].size(), 2u);
  EXPECT_EQ(springfield["results"][0]["admin1"], "Missouri");
  EXPECT_EQ(springfield["results"][0]["timezone"], "America/Chicago");
  EXPECT_EQ(search("name=hanoi&language=vi")["results"][0]["name"], "Hà Nội");
  EXPECT_EQ(search("name=H%C3%A0%20N%E1%BB%99i&language=en")["results"][0]["name"], "Hanoi");
  EXPECT_EQ(search("name=London&countryCode=CA")["results"][0]["admin1"], "Ontario");
  EXPECT_EQ(search("name=Spring")["results"].size(), 3u);
  for (const char* nothing : {"name=Nowhere", "name=L", "name=", ""}) {
    EXPECT_FALSE(search(nothing).contains("results")) << nothing;
  }
  EXPECT_EQ(Reason("/v1/search?name=London&count=0"), "Parameter count must be between 1 and 100.");
}

}  // namespace
}  // namespace stratus::sandbox
