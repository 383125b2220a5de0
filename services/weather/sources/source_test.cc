// Both sources over real sockets, and every wrong answer that docs/how-to/weather-errors.md lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "lib/http_client/http_client.h"
#include "services/weather/sources/open_meteo.h"
#include "services/weather/sources/openweather.h"
#include "services/weather/sources/upstream_error.h"
#include "services/weather/testing/fake_upstream.h"

namespace stratus::weather {
namespace {

using ::testing::ElementsAre;
using testing::FakeUpstream;
using ::testing::HasSubstr;
using testing::kApiKey;
using ::testing::Not;
using testing::Testdata;
using ::testing::UnorderedElementsAre;

constexpr Coordinates kHanoi{21.03, 105.83};

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

template <typename T>
class Waiter {
 public:
  Source::Done<T> Done() {
    return [this](absl::StatusOr<T> result) { promise_.set_value(std::move(result)); };
  }
  absl::StatusOr<T> Wait() { return promise_.get_future().get(); }

 private:
  std::promise<absl::StatusOr<T>> promise_;
};

class SourceTest : public ::testing::Test {
 protected:
  static http_client::Options ClientOptions() {
    http_client::Options options;
    options.attempts_max = 1;
    options.breaker_failures = 1000;
    options.response_bytes_max = 64 << 10;
    return options;
  }

  absl::StatusOr<SourceReport> Report(Source& source, absl::Duration patience = absl::Seconds(20)) {
    Waiter<SourceReport> waiter;
    source.FetchReport({kHanoi, source.LanguageFor("vi")}, absl::Now() + patience, waiter.Done());
    return waiter.Wait();
  }

  // What a report from OpenWeather fails with, checked for what no error may hold.
  absl::Status OpenWeatherError(absl::Duration patience = absl::Seconds(20)) {
    const absl::Status status = Report(*openweather_, patience).status();
    EXPECT_THAT(status.ToString(), Not(HasSubstr(kApiKey)));
    EXPECT_THAT(std::string(status.message()), HasSubstr("openweather"));
    return status;
  }

  FakeUpstream upstream_;
  http_client::Client client_{ClientOptions()};
  std::unique_ptr<Source> openweather_ = MakeOpenWeather(
      {.domain = upstream_.url() + "/data", .api_version = "2.5", .api_key = kApiKey}, &client_, &core::Clock::Real());
  std::unique_ptr<Source> open_meteo_ =
      MakeOpenMeteo({.domain = upstream_.url(), .geocoding_domain = upstream_.url()}, &client_, &core::Clock::Real());
};

TEST_F(SourceTest, OpenWeatherAsksForTheWeatherAndTheForecast) {
  const auto report = Report(*openweather_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->source, "openweather");
  EXPECT_EQ(report->language, "vi");
  EXPECT_EQ(report->rows.size(), 5u);
  EXPECT_THAT(report->attribution, HasSubstr("OpenWeather"));
  ASSERT_EQ(upstream_.requests("/data/2.5/forecast"), 1);
  EXPECT_THAT(upstream_.queries("/data/2.5/weather")[0], HasSubstr("lat=21.03&lon=105.83&units=metric&lang=vi"));
}

TEST_F(SourceTest, OpenMeteoAsksForEverythingInOneRequest) {
  const auto report = Report(*open_meteo_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->source, "open-meteo");
  EXPECT_EQ(report->language, "en");
  EXPECT_EQ(report->attribution_url, "https://open-meteo.com/");
  EXPECT_EQ(upstream_.requests("/v1/forecast"), 1);
  EXPECT_THAT(upstream_.queries("/v1/forecast")[0], HasSubstr("timezone=auto&timeformat=unixtime&wind_speed_unit=ms"));
}

TEST_F(SourceTest, LanguagesAreMappedToWhatTheSourceHas) {
  EXPECT_EQ(openweather_->LanguageFor("pt-BR"), "pt-BR");
  EXPECT_EQ(openweather_->LanguageFor("pt-PT"), "pt");
  EXPECT_EQ(openweather_->LanguageFor("zh-Hant-TW"), "zh-TW");
  EXPECT_EQ(openweather_->LanguageFor("tlh"), "en");
  EXPECT_EQ(openweather_->LanguageFor(""), "en");
  EXPECT_EQ(open_meteo_->LanguageFor("vi"), "en");
  Waiter<SourceReport> waiter;
  openweather_->FetchReport({kHanoi, "ko"}, absl::Now() + absl::Seconds(20), waiter.Done());
  ASSERT_TRUE(waiter.Wait().ok());
  EXPECT_THAT(upstream_.queries("/data/2.5/weather")[0], HasSubstr("lang=kr"));
}

TEST_F(SourceTest, HtmlAndTruncatedAnswersAreBadAnswers) {
  upstream_.AnswerWith("/data/2.5/weather", 200, "<html><h1>Welcome to the airport Wi-Fi</h1></html>");
  EXPECT_EQ(ReasonOf(OpenWeatherError()), reason::kBadAnswer);
  upstream_.AnswerWith("/data/2.5/weather", 200, Testdata("openweather_weather.json").substr(0, 100));
  EXPECT_EQ(ReasonOf(OpenWeatherError()), reason::kBadAnswer);
}

TEST_F(SourceTest, AConnectionCutInTheBodyIsUnreachable) {
  upstream_.SetAnswer("/data/2.5/weather", [](const http_server::Request&) {
    return http_server::Response{.body = Testdata("openweather_weather.json"), .cut_after_bytes = 100};
  });
  const absl::Status status = OpenWeatherError();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), reason::kUnreachable);
}

TEST_F(SourceTest, AWrongKeyAndAMissingPlanAreToldApart) {
  upstream_.AnswerWith("", 401,
                       R"({"cod":401, "message": "Invalid API key. Please see https://openweathermap.org/faq"})");
  const absl::Status rejected = OpenWeatherError();
  EXPECT_EQ(rejected.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ReasonOf(rejected), reason::kKeyRejected);
  upstream_.AnswerWith(
      "", 401, R"({"cod":401, "message": "Please note that using One Call 3.0 requires a separate subscription"})");
  EXPECT_EQ(ReasonOf(OpenWeatherError()), reason::kPlanMissing);
}

TEST_F(SourceTest, TooManyRequestsSayWhenToTryAgain) {
  upstream_.SetAnswer("", [](const http_server::Request&) {
    return http_server::Response{.status = 429, .headers = {{"retry-after", "17"}}, .body = R"({"cod":429})"};
  });
  const absl::Status status = OpenWeatherError();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), reason::kRateLimited);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(core::GetDetail(status, &retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 17);
}

TEST_F(SourceTest, ADateSaysWhenToTryAgainAsWellAsSecondsDo) {
  upstream_.SetAnswer("", [](const http_server::Request&) {
    const std::string when =
        absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now() + absl::Minutes(20), absl::UTCTimeZone());
    return http_server::Response{.status = 503, .headers = {{"retry-after", when}}, .body = "{}"};
  });
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(core::GetDetail(OpenWeatherError(), &retry));
  EXPECT_GT(retry.retry_delay().seconds(), 19 * 60);
  EXPECT_LE(retry.retry_delay().seconds(), 20 * 60);
}

TEST_F(SourceTest, AsksForCompressedAnswersAndReadsThem) {
  upstream_.SetAnswer("/v1/forecast", [](const http_server::Request& request) {
    EXPECT_THAT(std::string(request.Header("accept-encoding")), HasSubstr("gzip"));
    return http_server::Response{
        .status = 200, .headers = {{"content-encoding", "gzip"}}, .body = Gzip(Testdata("open_meteo_chatham.json"))};
  });
  const auto report = Report(*open_meteo_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->rows.size(), 72u);
}

TEST_F(SourceTest, ASmallAnswerThatUnpacksToAHugeOneIsCutOffAtTheLimit) {
  upstream_.SetAnswer("", [](const http_server::Request&) {
    return http_server::Response{
        .status = 200, .headers = {{"content-encoding", "gzip"}}, .body = Gzip(std::string(8 << 20, ' '))};
  });
  EXPECT_EQ(ReasonOf(OpenWeatherError()), reason::kTooLarge);
}

TEST_F(SourceTest, ServerErrorsAreUnavailableAndUnknownPlacesNotFound) {
  upstream_.AnswerWith("", 503, "upstream connect error");
  EXPECT_EQ(ReasonOf(OpenWeatherError()), reason::kFailed);
  upstream_.AnswerWith("", 404, R"({"cod":"404","message":"city not found"})");
  const absl::Status missing = OpenWeatherError();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(missing), reason::kPlaceNotFound);
  upstream_.AnswerWith("", 400, R"({"error":true,"reason":"Latitude must be in range of -90 to 90"})");
  EXPECT_EQ(ReasonOf(Report(*open_meteo_).status()), reason::kRequestRefused);
}

TEST_F(SourceTest, ASlowSourceTimesOutWithTheDeadline) {
  upstream_.SetAnswer(
      "", [](const http_server::Request&) { return http_server::Response{.body = "{}", .delay = absl::Seconds(5)}; });
  const absl::Status status = OpenWeatherError(absl::Milliseconds(200));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), reason::kTimeout);
}

TEST_F(SourceTest, AHugeAnswerIsCutOffAtTheLimit) {
  upstream_.AnswerWith("", 200, std::string(200 << 10, ' '));
  EXPECT_EQ(ReasonOf(OpenWeatherError()), reason::kTooLarge);
}

TEST_F(SourceTest, ADeadSourceIsUnreachableAndNoErrorNamesTheQuery) {
  upstream_.Stop();
  const absl::Status status = OpenWeatherError();
  EXPECT_EQ(ReasonOf(status), reason::kUnreachable);
  EXPECT_THAT(status.ToString(), Not(HasSubstr("appid")));
}

TEST_F(SourceTest, OneBadHalfFailsTheReport) {
  upstream_.AnswerWith("/data/2.5/forecast", 500, "oops");
  EXPECT_EQ(ReasonOf(OpenWeatherError()), reason::kFailed);
}

TEST_F(SourceTest, FindsPlacesByName) {
  Waiter<std::vector<PlaceInfo>> london;
  openweather_->FetchPlaces({"London", ""}, absl::Now() + absl::Seconds(20), london.Done());
  EXPECT_EQ(london.Wait()->size(), 4u);
  Waiter<std::vector<PlaceInfo>> hanoi;
  open_meteo_->FetchPlaces({"Hanoi, VN", "vi-VN"}, absl::Now() + absl::Seconds(20), hanoi.Done());
  EXPECT_EQ(hanoi.Wait()->size(), 1u);
  EXPECT_THAT(upstream_.queries("/v1/search")[0], HasSubstr("name=Hanoi&count=50&language=vi"));
}

TEST_F(SourceTest, OpenWeathersGeocoderIsAskedInItsOwnCodes) {
  const auto asked = [this](const std::string& text, const std::string& language = "") {
    const size_t before = upstream_.queries("/geo/1.0/direct").size();
    const PlacesRequest request = {text, language};
    Waiter<std::vector<PlaceInfo>> places;
    openweather_->FetchPlaces(request, absl::Now() + absl::Seconds(20), places.Done());
    EXPECT_TRUE(places.Wait().ok());
    std::vector<std::string> queries;
    const std::vector<std::string> all = upstream_.queries("/geo/1.0/direct");
    for (size_t i = before; i < all.size(); ++i) queries.push_back(all[i].substr(0, all[i].find('&')));
    EXPECT_EQ(queries.size(), static_cast<size_t>(openweather_->requests_per_search(request))) << text;
    return queries;
  };
  EXPECT_THAT(asked("London"), ElementsAre("q=London"));
  EXPECT_THAT(asked("London, United Kingdom"), ElementsAre("q=London,GB"));
  EXPECT_THAT(asked("London, Großbritannien", "de"), ElementsAre("q=London")) << "no name of a country in CLDR";
  EXPECT_THAT(asked("London, Vereinigtes Königreich", "de"), ElementsAre("q=London,GB"));
  EXPECT_THAT(asked("London, ON"), ElementsAre("q=London,CA"));
  EXPECT_THAT(asked("London, KY, US"), ElementsAre("q=London,KY,US"));
  EXPECT_THAT(asked("London, Kentucky"), ElementsAre("q=London,KY,US"));
  EXPECT_THAT(asked("Washington, D.C."), ElementsAre("q=Washington,DC,US"));
  EXPECT_THAT(asked("London, CA"), UnorderedElementsAre("q=London,CA,US", "q=London,CA"));
}

TEST_F(SourceTest, LanguagesOfPlacesAreNotThoseOfTheWeather) {
  upstream_.AnswerWith("/geo/1.0/direct", 200,
                       R"([{"name":"Prague","lat":50.08,"lon":14.42,"country":"CZ","local_names":
      {"cs":"Praha","ko":"프라하","zh":"布拉格","lv":"Prāga","la":"Praga Latina","feature_name":"Prague"}}])");
  const auto name = [this](const std::string& language) {
    Waiter<std::vector<PlaceInfo>> places;
    openweather_->FetchPlaces({"Prague", language}, absl::Now() + absl::Seconds(20), places.Done());
    const auto found = places.Wait();
    return found.ok() && found->size() == 1 ? found->front().name : "";
  };
  EXPECT_EQ(name("cs"), "Praha");
  EXPECT_EQ(name("ko-KR"), "프라하");
  EXPECT_EQ(name("zh-HK"), "布拉格");
  EXPECT_EQ(name("lv"), "Prāga");
  EXPECT_EQ(name("is"), "Prague");
  EXPECT_EQ(openweather_->LanguageFor("zh-HK"), "zh-TW");
  EXPECT_EQ(openweather_->LanguageFor("zh-MO"), "zh-TW");
}

TEST_F(SourceTest, PassesOnTheSourcesOwnJson) {
  Waiter<RawReply> raw;
  openweather_->FetchRaw({kHanoi, "standard", "en"}, absl::Now() + absl::Seconds(20), raw.Done());
  const auto reply = raw.Wait();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body, Testdata("openweather_weather.json"));
  EXPECT_THAT(upstream_.queries("/data/2.5/weather")[0], HasSubstr("units=standard"));
}

TEST_F(SourceTest, NeverPassesOnWhatIsNotJson) {
  for (const char* body : {"<html>", "", "{\"cod\":200"}) {
    upstream_.AnswerWith("", 200, body);
    Waiter<RawReply> raw;
    open_meteo_->FetchRaw({kHanoi, "imperial", "en"}, absl::Now() + absl::Seconds(20), raw.Done());
    EXPECT_EQ(ReasonOf(raw.Wait().status()), reason::kBadAnswer) << body;
  }
}

TEST_F(SourceTest, NeverPassesOnAnAnswerThatEchoesTheKey) {
  upstream_.SetAnswer("", [](const http_server::Request& request) {
    return http_server::Response{.body = R"({"url":")" + request.query + R"("})"};
  });
  Waiter<RawReply> raw;
  openweather_->FetchRaw({kHanoi, "standard", "en"}, absl::Now() + absl::Seconds(20), raw.Done());
  const auto reply = raw.Wait();
  EXPECT_EQ(ReasonOf(reply.status()), reason::kBadAnswer);
  EXPECT_THAT(reply.status().ToString(), Not(HasSubstr(kApiKey)));
}

}  // namespace
}  // namespace stratus::weather
