#include "services/sandbox/openweather.h"

#include <gmock/gmock.h>

#include "services/sandbox/sandbox_fixture.h"

namespace stratus::sandbox {
namespace {

class OpenWeatherTest : public SandboxTest {
 protected:
  Reply Weather(const std::string& query) { return Get("/data/2.5/weather?appid=sandbox&" + query); }
};

TEST_F(OpenWeatherTest, GivesCurrentWeatherInTheShapeOfTheRealOne) {
  const Json json = Weather("lat=21.0278&lon=105.8342&units=metric").json;
  EXPECT_EQ(json["coord"]["lat"], 21.0278);
  EXPECT_EQ(json["coord"]["lon"], 105.8342);
  ASSERT_EQ(json["weather"].size(), 1u);
  EXPECT_TRUE(json["weather"][0]["id"].is_number_integer());
  EXPECT_EQ(json["weather"][0]["icon"].get<std::string>().back(), 'd') << "07:00 in Hanoi";
  for (const char* name : {"temp", "feels_like", "temp_min", "temp_max", "pressure", "humidity"}) {
    EXPECT_TRUE(json["main"][name].is_number()) << name;
  }
  EXPECT_TRUE(json["wind"]["speed"].is_number());
  EXPECT_EQ(json["dt"], 1768435200);
  EXPECT_EQ(json["timezone"], 25200);
  EXPECT_EQ(json["sys"]["country"], "VN");
  EXPECT_LT(json["sys"]["sunrise"], json["sys"]["sunset"]);
  EXPECT_EQ(json["id"], 1581130);
  EXPECT_EQ(json["name"], "Hanoi");
  EXPECT_EQ(json["cod"], 200);
}

TEST_F(OpenWeatherTest, ChangesEveryTenMinutesAndNotBetween) {
  const std::string first = Weather("q=Hanoi").body;
  clock_.Advance(absl::Seconds(599));
  EXPECT_EQ(Weather("q=Hanoi").body, first);
  clock_.Advance(absl::Seconds(1));
  EXPECT_NE(Weather("q=Hanoi").body, first);
}

TEST_F(OpenWeatherTest, ConvertsUnitsAndTranslates) {
  const double celsius = Weather("q=Hanoi&units=metric").json["main"]["temp"];
  EXPECT_NEAR(Weather("q=Hanoi").json["main"]["temp"].get<double>(), celsius + 273.15, 0.011);
  EXPECT_NEAR(Weather("q=Hanoi&units=standard").json["main"]["temp"].get<double>(), celsius + 273.15, 0.011);
  EXPECT_NEAR(Weather("q=Hanoi&units=imperial").json["main"]["temp"].get<double>(), celsius * 1.8 + 32, 0.011);
  const double speed = Weather("q=Hanoi&units=metric").json["wind"]["speed"];
  EXPECT_NEAR(Weather("q=Hanoi&units=imperial").json["wind"]["speed"].get<double>(), speed * 2.2369, 0.03);
  EXPECT_NE(Weather("q=Hanoi&lang=vi").json["weather"][0]["description"],
            Weather("q=Hanoi").json["weather"][0]["description"]);
  EXPECT_EQ(Weather("q=Hanoi&lang=xx").json["weather"], Weather("q=Hanoi").json["weather"]);
}

TEST_F(OpenWeatherTest, RefusesAsTheRealOneDoes) {
  const Reply no_key = Get("/data/2.5/weather?q=Hanoi");
  EXPECT_EQ(no_key.status, 401);
  EXPECT_EQ(no_key.json["cod"], 401);
  EXPECT_THAT(no_key.json["message"].get<std::string>(), testing::StartsWith("Invalid API key."));
  EXPECT_EQ(Get("/data/2.5/forecast?q=Hanoi&appid=wrong").status, 401);
  EXPECT_EQ(Get("/geo/1.0/direct?q=Hanoi&appid=").status, 401);
  const auto refusal = [&](const std::string& query) {
    const Reply reply = Weather(query);
    return std::to_string(reply.status) + " " + ToText(reply.json);
  };
  EXPECT_EQ(refusal("lat=91&lon=0"), R"(400 {"cod":"400","message":"wrong latitude"})");
  EXPECT_EQ(refusal("lat=abc&lon=0"), R"(400 {"cod":"400","message":"wrong latitude"})");
  EXPECT_EQ(refusal("lat=nan&lon=0"), R"(400 {"cod":"400","message":"wrong latitude"})");
  EXPECT_EQ(refusal("lat=0&lon=-181"), R"(400 {"cod":"400","message":"wrong longitude"})");
  EXPECT_EQ(refusal("lat=10"), R"(400 {"cod":"400","message":"Nothing to geocode"})");
  EXPECT_EQ(refusal(""), R"(400 {"cod":"400","message":"Nothing to geocode"})");
  EXPECT_EQ(refusal("q=Nowhere"), R"(404 {"cod":"404","message":"city not found"})");
  EXPECT_EQ(refusal("q=Hanoi,GB"), R"(404 {"cod":"404","message":"city not found"})");
}

TEST_F(OpenWeatherTest, ForecastsFortyRowsOfThreeHours) {
  clock_.Advance(absl::Minutes(100));
  const Json json = Get("/data/2.5/forecast?appid=sandbox&q=Springfield,IL,US&units=metric").json;
  EXPECT_EQ(json["cod"], "200");
  EXPECT_EQ(json["cnt"], 40);
  ASSERT_EQ(json["list"].size(), 40u);
  int64_t expected = 1768435200 + 3 * 3600;
  for (const Json& row : json["list"]) {
    EXPECT_EQ(row["dt"], expected);
    EXPECT_GE(row["pop"], 0.0);
    EXPECT_LE(row["pop"], 1.0);
    EXPECT_EQ(row["sys"]["pod"].get<std::string>().back(), row["weather"][0]["icon"].get<std::string>().back());
    if (row["weather"][0]["main"] == "Rain") {
      EXPECT_GT(row["rain"]["3h"], 0.0);
    }
    expected += 3 * 3600;
  }
  EXPECT_EQ(json["list"][0]["dt_txt"], "2026-01-15 03:00:00");
  EXPECT_EQ(json["city"]["name"], "Springfield");
  EXPECT_EQ(json["city"]["timezone"], -6 * 3600);
  EXPECT_EQ(Get("/data/2.5/forecast?appid=sandbox&q=Hanoi&cnt=3").json["list"].size(), 3u);
}

TEST_F(OpenWeatherTest, HasNoSunriseInThePolarNightAndNoNameAtSea) {
  const Json night = Weather("q=Longyearbyen").json;
  EXPECT_EQ(night["sys"]["sunrise"], 0);
  EXPECT_EQ(night["sys"]["sunset"], 0);
  const Json sea = Weather("lat=0&lon=-30").json;
  EXPECT_EQ(sea["name"], "");
  EXPECT_EQ(sea["id"], 0);
  EXPECT_FALSE(sea["sys"].contains("country"));
  EXPECT_EQ(sea["timezone"], -7200);
}

TEST_F(OpenWeatherTest, GeocodesBothWays) {
  const Json london = Get("/geo/1.0/direct?appid=sandbox&q=London&limit=5").json;
  ASSERT_EQ(london.size(), 3u);
  EXPECT_EQ(london[0]["country"], "GB");
  EXPECT_EQ(london[0]["state"], "England");
  EXPECT_EQ(Get("/geo/1.0/direct?appid=sandbox&q=London").json.size(), 1u);
  EXPECT_EQ(Get("/geo/1.0/direct?appid=sandbox&q=London,CA&limit=5").json[0]["state"], "Ontario");
  EXPECT_EQ(Get("/geo/1.0/direct?appid=sandbox&q=H%C3%A0%20N%E1%BB%99i").json[0]["local_names"]["vi"], "Hà Nội");
  EXPECT_EQ(Get("/geo/1.0/direct?appid=sandbox&q=Nowhere").body, "[]");
  EXPECT_EQ(Get("/geo/1.0/direct?appid=sandbox").status, 400);
  EXPECT_EQ(Get("/geo/1.0/reverse?appid=sandbox&lat=48.85&lon=2.35").json[0]["name"], "Paris");
  EXPECT_EQ(Get("/geo/1.0/reverse?appid=sandbox&lat=0&lon=-30").body, "[]");
}

}  // namespace
}  // namespace stratus::sandbox
