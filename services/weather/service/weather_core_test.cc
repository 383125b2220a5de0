// The core over real sockets: what callers get when the source answers, answers wrongly, or not at all.
#include "services/weather/service/weather_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "lib/http_client/http_client.h"
#include "services/weather/service/redis_cache.h"
#include "services/weather/service/watch.h"
#include "services/weather/sources/upstream_error.h"
#include "services/weather/testing/fake_upstream.h"
#include "services/weather/testing/redis_server.h"

namespace stratus::weather {
namespace {

using testing::FakeUpstream;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Testdata;

constexpr char kForecastPath[] = "/v1/forecast";

// Noon-ish at Chatham on the day that the testdata is of.
absl::Time TestTime() { return absl::FromUnixSeconds(1768436400); }  // 2026-01-15T00:20:00Z

class WeatherCoreTest : public ::testing::Test {
 protected:
  WeatherCoreTest() { MakeCore(); }
  ~WeatherCoreTest() override {
    timers_.Stop();
    redis_.reset();
    client_.reset();
  }

  static std::unique_ptr<http_client::Client> MakeClient() {
    http_client::Options options;
    options.attempts_max = 1;
    options.breaker_failures = 1000;
    return std::make_unique<http_client::Client>(options);
  }

  void MakeCore(CoreOptions options = {}) {
    options.reports.policy.ttl_jitter = 0;
    options.places.policy.ttl_jitter = 0;
    // A busy machine's upstream is slow, and no test is about what it is taken for then.
    options.reports.policy.patience = options.places.policy.patience = absl::Seconds(20);
    options.reports.policy.fetch_timeout = options.places.policy.fetch_timeout = absl::Seconds(20);
    options.default_place = {-43.95, -176.55};
    SourceOptions sources;
    sources.open_meteo.domain = sources.open_meteo.geocoding_domain = upstream_.url();
    core_.reset();
    sources_ = std::make_unique<SourceSelector>(sources, client_.get(), &clock_, nullptr);
    core_ = std::make_unique<WeatherCore>(options, sources_.get(), redis_.get(), &clock_, &timers_);
  }

  template <typename Reply, typename Request, typename Method>
  absl::StatusOr<Reply> Call(Method method, const Request& request) {
    std::promise<absl::StatusOr<Reply>> promise;
    ((*core_).*method)(request, absl::Now() + absl::Seconds(20),
                       [&promise](absl::StatusOr<Reply> reply) { promise.set_value(std::move(reply)); });
    return promise.get_future().get();
  }

  absl::StatusOr<EncodedReply> EncodedToday(const v1::GetTodayWeatherRequest& request = {}) {
    using Method =
        void (WeatherCore::*)(const v1::GetTodayWeatherRequest&, absl::Time, WeatherCore::Done<EncodedReply>);
    return Call<EncodedReply>(static_cast<Method>(&WeatherCore::GetToday), request);
  }

  absl::StatusOr<v1::TodayWeather> Today(const v1::GetTodayWeatherRequest& request = {}) {
    const auto reply = EncodedToday(request);
    if (!reply.ok()) return reply.status();
    v1::TodayWeather weather;
    EXPECT_TRUE(reply->Parse(&weather));
    return weather;
  }

  static v1::GetTodayWeatherRequest Named(const std::string& name) {
    v1::GetTodayWeatherRequest request;
    request.set_q(name);
    return request;
  }

  int asked() const { return upstream_.requests(kForecastPath); }

  FakeUpstream upstream_;
  core::ManualClock clock_{TestTime()};
  TimerQueue timers_;
  std::unique_ptr<http_client::Client> client_ = MakeClient();
  std::unique_ptr<RedisCache> redis_;
  std::unique_ptr<SourceSelector> sources_;
  std::unique_ptr<WeatherCore> core_;
};

TEST_F(WeatherCoreTest, TodayAtTheDefaultPlace) {
  const auto today = Today();
  ASSERT_TRUE(today.ok()) << today.status();
  EXPECT_EQ(today->source(), "open-meteo");
  EXPECT_EQ(today->place().latitude(), -43.95);
  EXPECT_EQ(today->time_zone(), "Pacific/Chatham");
  EXPECT_EQ(today->day().date(), "2026-01-15");
  EXPECT_EQ(today->hours_size(), 24);
  EXPECT_EQ(today->current().temperature(), 15.4);
  EXPECT_FALSE(today->provenance().stale());
  EXPECT_THAT(today->provenance().attribution(), HasSubstr("Open-Meteo"));
}

TEST_F(WeatherCoreTest, CallersCloseToEachOtherShareOneAnswerInEveryUnit) {
  v1::GetTodayWeatherRequest request;
  request.set_lat(-43.951);
  request.set_lon(-176.549);
  ASSERT_TRUE(Today(request).ok());
  request.set_lat(-43.949);
  request.set_units("imperial");
  const auto imperial = Today(request);
  ASSERT_TRUE(imperial.ok());
  EXPECT_EQ(imperial->current().temperature(), 59.72);
  request.set_units("standard");
  EXPECT_EQ(Today(request)->current().temperature(), 288.55);
  EXPECT_EQ(asked(), 1);
}

TEST_F(WeatherCoreTest, AKeptReplyTellsItsAge) {
  ASSERT_TRUE(Today().ok());
  clock_.Advance(absl::Seconds(90));
  const auto later = Today();
  EXPECT_EQ(later->provenance().age().seconds(), 90);
  EXPECT_EQ(asked(), 1);
}

TEST_F(WeatherCoreTest, AKeptReportBecomesTheNextDayAtMidnight) {
  clock_.Advance(absl::Hours(9) + absl::Minutes(50));  // 10:10Z, five minutes before midnight at Chatham
  EXPECT_EQ(Today()->day().date(), "2026-01-15");
  clock_.Advance(absl::Minutes(6));
  EXPECT_EQ(Today()->day().date(), "2026-01-16");
  EXPECT_EQ(asked(), 1);
}

TEST_F(WeatherCoreTest, ACopyIsGoodNoLongerThanItsReportItsProvenanceAndItsDay) {
  EXPECT_EQ(EncodedToday()->fresh_for, absl::Minutes(1));
  EXPECT_EQ(EncodedToday()->usable_for, absl::Minutes(1));
  clock_.Advance(absl::Minutes(9) + absl::Seconds(20));
  EXPECT_EQ(EncodedToday()->fresh_for, absl::Seconds(40)) << "of the report's ten minutes";
  clock_.Advance(absl::Hours(9) + absl::Minutes(45) + absl::Seconds(30));  // 10:14:50Z, ten seconds before midnight
  EXPECT_EQ(EncodedToday()->fresh_for, absl::Seconds(10));
  EXPECT_EQ(EncodedToday()->usable_for, absl::ZeroDuration());
}

TEST_F(WeatherCoreTest, ACopyOfWhatIsStaleOrNotKeptHereIsNotToBeKept) {
  ASSERT_TRUE(Today().ok());
  clock_.Advance(absl::Hours(2));
  upstream_.AnswerWith(kForecastPath, 500, "oops");
  const auto stale = EncodedToday();
  ASSERT_TRUE(stale.ok() && stale->stale);
  EXPECT_EQ(stale->fresh_for, absl::ZeroDuration());
  upstream_.SetAnswer(kForecastPath, nullptr);
  CoreOptions options;
  options.reports.ttl = absl::ZeroDuration();
  MakeCore(options);
  EXPECT_EQ(EncodedToday()->fresh_for, absl::ZeroDuration());
}

TEST_F(WeatherCoreTest, AllViolationsOfARequestComeBackTogether) {
  v1::GetTodayWeatherRequest request;
  request.set_lat(91);
  request.set_lon(0);
  request.set_units("furlongs");
  const auto today = Today(request);
  google::rpc::BadRequest details;
  ASSERT_TRUE(core::GetDetail(today.status(), &details));
  EXPECT_EQ(details.field_violations_size(), 2);
  EXPECT_EQ(asked(), 0);
}

TEST_F(WeatherCoreTest, EveryWrongAnswerIsAnErrorWithoutAKeptAnswerAndALabelWithOne) {
  const struct {
    int status;
    std::string body;
    const char* reason;
  } answers[] = {{200, "<html>", reason::kBadAnswer},
                 {200, Testdata("open_meteo_chatham.json").substr(0, 1000), reason::kBadAnswer},
                 {401, "{}", reason::kKeyRejected},
                 {429, R"({"error":true,"reason":"Minutely API request limit exceeded."})", reason::kRateLimited},
                 {500, "oops", reason::kFailed}};
  for (const auto& answer : answers) {
    MakeCore();
    upstream_.AnswerWith(kForecastPath, answer.status, answer.body);
    const auto error = Today();
    EXPECT_EQ(ReasonOf(error.status()), answer.reason) << error.status();

    MakeCore();
    upstream_.SetAnswer(kForecastPath, nullptr);
    ASSERT_TRUE(Today().ok());
    clock_.Advance(absl::Hours(2));
    upstream_.AnswerWith(kForecastPath, answer.status, answer.body);
    const auto stale = Today();
    ASSERT_TRUE(stale.ok()) << stale.status();
    EXPECT_TRUE(stale->provenance().stale());
    EXPECT_THAT(stale->provenance().stale_reason(), HasSubstr("open-meteo"));
    EXPECT_EQ(stale->provenance().age().seconds(), 7200);
  }
}

TEST_F(WeatherCoreTest, ASpentBudgetIsResourceExhaustedWithTheTimeToTryAgain) {
  MakeCore({.budget = {.openweather_per_minute = 0, .open_meteo_per_minute = 1}});
  ASSERT_TRUE(Today().ok());
  v1::GetTodayWeatherRequest elsewhere;
  elsewhere.set_lat(1);
  elsewhere.set_lon(1);
  const auto spent = Today(elsewhere);
  EXPECT_EQ(spent.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(spent.status()), reason::kBudgetSpent);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(core::GetDetail(spent.status(), &retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 60);
  EXPECT_TRUE(Today().ok()) << "what is kept is served all the same";
}

TEST_F(WeatherCoreTest, FindsANamedPlaceAndShowsItAsResolved) {
  const auto today = Today(Named("Hanoi"));
  ASSERT_TRUE(today.ok()) << today.status();
  EXPECT_EQ(today->place().name(), "Hanoi");
  EXPECT_EQ(today->place().country_code(), "VN");
  EXPECT_EQ(today->place().latitude(), 21.02);
  ASSERT_TRUE(Today(Named("hanoi")).ok());
  EXPECT_EQ(upstream_.requests("/v1/search"), 1) << "the name is kept, whatever its case";
}

TEST_F(WeatherCoreTest, APlaceThatDoesNotExistIsNotFoundAndNotAskedForAgainAtOnce) {
  for (int i = 0; i < 3; ++i) {
    const auto today = Today(Named("Qqqqxyz"));
    EXPECT_EQ(today.status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(ReasonOf(today.status()), reason::kPlaceNotFound);
  }
  EXPECT_EQ(upstream_.requests("/v1/search"), 1);
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(Today(Named("Qqqqxyz")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(upstream_.requests("/v1/search"), 2);
}

TEST_F(WeatherCoreTest, TheLanguageDoesNotChangeWhichPlaceIsMeant) {
  upstream_.SetAnswer("/v1/search", [](const http_server::Request& request) {
    const bool german = request.query.find("language=de") != std::string::npos;
    return http_server::Response{
        .status = 200,
        .headers = {},
        .body = absl::StrCat(
            R"({"results":[{"name":")", german ? "München" : "Munich",
            R"(","latitude":48.137,"longitude":11.575,"country_code":"DE","population":1505005,"admin1":")",
            german ? "Bayern" : "Bavaria", R"("},
            {"name":"Munich","latitude":48.67,"longitude":-98.84,"country_code":"US","population":206,"admin1":"North Dakota"}]})")};
  });
  for (const char* name :
       {"Munich", "munchen", "Munich, Bavaria", "München, Bayern", "Munich, Deutschland", "Munich, DE"}) {
    auto request = Named(name);
    request.set_language("de");
    const auto today = Today(request);
    ASSERT_TRUE(today.ok()) << name << ": " << today.status();
    EXPECT_EQ(today->place().name(), "München") << name;
    EXPECT_EQ(today->place().latitude(), 48.14) << name;
  }
  auto dakota = Named("Munich, North Dakota");
  dakota.set_language("de");
  EXPECT_EQ(Today(dakota)->place().region(), "North Dakota");
}

TEST_F(WeatherCoreTest, AnOldReadingSaysSo) {
  clock_.Advance(absl::Hours(2));
  const auto today = Today();
  ASSERT_TRUE(today.ok()) << today.status();
  EXPECT_TRUE(today->provenance().stale());
  EXPECT_THAT(today->provenance().stale_reason(), HasSubstr("current reading is"));
  v1::GetTodayWeatherRequest day;
  day.add_sections(v1::SECTION_DAY);
  EXPECT_FALSE(Today(day)->provenance().stale()) << "nothing that it shows is old";
}

TEST_F(WeatherCoreTest, AnAmbiguousPlaceListsWhatItCanMean) {
  upstream_.AnswerWith(
      "/v1/search", 200,
      R"({"results":[{"name":"Springfield","latitude":37.2,"longitude":-93.3,"country_code":"US","admin1":"Missouri"},
                           {"name":"Springfield","latitude":39.8,"longitude":-89.6,"country_code":"US","admin1":"Illinois"}]})");
  const auto today = Today(Named("Springfield"));
  EXPECT_EQ(today.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(today.status()), reason::kPlaceAmbiguous);
  google::rpc::PreconditionFailure candidates;
  ASSERT_TRUE(core::GetDetail(today.status(), &candidates));
  ASSERT_EQ(candidates.violations_size(), 2);
  EXPECT_EQ(candidates.violations(1).subject(), "39.8,-89.6");
  EXPECT_EQ(candidates.violations(1).description(), "Springfield, Illinois, US");
  EXPECT_TRUE(Today(Named("Springfield, Illinois")).ok());
}

TEST_F(WeatherCoreTest, SearchesPlaces) {
  v1::SearchPlacesRequest request;
  request.set_query("Hanoi");
  const auto places = Call<v1::SearchPlacesResponse>(&WeatherCore::SearchPlaces, request);
  ASSERT_TRUE(places.ok()) << places.status();
  ASSERT_EQ(places->places_size(), 1);
  EXPECT_EQ(places->places(0).time_zone(), "Asia/Ho_Chi_Minh");
  request.set_query("Qqqqxyz");
  EXPECT_EQ(Call<v1::SearchPlacesResponse>(&WeatherCore::SearchPlaces, request)->places_size(), 0);
}

TEST_F(WeatherCoreTest, ForecastsComeByTheHourOrByTheDay) {
  v1::GetForecastRequest request;
  const auto hourly = Call<EncodedReply>(&WeatherCore::GetForecast, request);
  ASSERT_TRUE(hourly.ok()) << hourly.status();
  v1::Forecast forecast;
  ASSERT_TRUE(hourly->Parse(&forecast));
  EXPECT_EQ(forecast.hours(0).time().seconds(), absl::ToUnixSeconds(TestTime()) - 300) << "00:15Z, which is running";
  EXPECT_EQ(forecast.days_size(), 0);
  EXPECT_EQ(forecast.provenance().source(), "open-meteo");
  request.set_step(v1::GetForecastRequest::STEP_DAILY);
  request.set_days(1);
  ASSERT_TRUE(Call<EncodedReply>(&WeatherCore::GetForecast, request)->Parse(&forecast));
  EXPECT_EQ(forecast.hours_size(), 0);
  ASSERT_EQ(forecast.days_size(), 1);
  EXPECT_EQ(forecast.days(0).date(), "2026-01-15");
  EXPECT_EQ(asked(), 1);
}

TEST_F(WeatherCoreTest, TheSourcesOwnJsonComesUnchangedAndIsKept) {
  for (int i = 0; i < 2; ++i) {
    const auto body = Call<google::api::HttpBody>(&WeatherCore::GetOpenWeather, v1::GetOpenWeatherRequest{});
    ASSERT_TRUE(body.ok()) << body.status();
    EXPECT_EQ(body->data(), Testdata("open_meteo_chatham.json"));
    EXPECT_EQ(body->content_type(), "application/json");
  }
  EXPECT_EQ(asked(), 1);
}

TEST_F(WeatherCoreTest, NoCacheMeansThatEveryCallAsks) {
  CoreOptions options;
  options.reports.ttl = absl::ZeroDuration();
  MakeCore(options);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Today().ok());
  EXPECT_EQ(asked(), 3);
}

TEST_F(WeatherCoreTest, ReplicasShareTheirReportsByRedisAndGoOnWithoutIt) {
  if (!testing::RedisServer::Installed()) GTEST_SKIP() << "redis-server is not installed";
  testing::RedisServer server;
  RedisOptions options;
  options.address.unix_path = server.socket_path();
  options.connect_timeout = options.command_timeout = absl::Seconds(30);
  redis_ = std::make_unique<RedisCache>(options);
  MakeCore();
  ASSERT_TRUE(Today().ok());
  MakeCore();  // another replica, with an empty cache of its own
  ASSERT_TRUE(Today().ok());
  EXPECT_EQ(asked(), 1);

  // A replica that starts while the source is down falls back on what Redis has.
  clock_.Advance(absl::Hours(2));
  upstream_.AnswerWith(kForecastPath, 503, "down");
  MakeCore();
  const auto stale = Today();
  ASSERT_TRUE(stale.ok()) << stale.status();
  EXPECT_TRUE(stale->provenance().stale());

  server.Stop();
  upstream_.SetAnswer(kForecastPath, nullptr);
  MakeCore();
  const auto alone = Today();
  ASSERT_TRUE(alone.ok()) << alone.status();
  // Asked anew: what is old is the reading in it alone.
  EXPECT_EQ(alone->provenance().age().seconds(), 0);
  EXPECT_THAT(alone->provenance().stale_reason(), HasSubstr("current reading"));
  MakeCore();  // it holds redis_: end it before Redis goes
}

// Keeps what a watch sends; a test takes it one by one.
struct Received {
  Watch::Sink Sink() {
    Watch::Sink sink;
    sink.send = [this](EncodedReply reply, std::function<void(bool)> sent) {
      v1::TodayWeather weather;
      EXPECT_TRUE(reply.Parse(&weather));
      core::MutexLock lock(mutex);
      messages.push_back(std::move(weather));
      pending_sent = std::move(sent);
      changed.NotifyAll();
    };
    sink.end = [this](absl::Status status) {
      core::MutexLock lock(mutex);
      ended = std::move(status);
      changed.NotifyAll();
    };
    return sink;
  }
  v1::TodayWeather Next() {
    core::MutexLock lock(mutex);
    while (messages.empty()) changed.Wait(lock);
    v1::TodayWeather first = messages.front();
    messages.erase(messages.begin());
    return first;
  }
  void Sent(bool sent) {
    std::function<void(bool)> done;
    {
      core::MutexLock lock(mutex);
      done = std::move(pending_sent);
    }
    done(sent);
  }

  core::Mutex mutex;
  core::CondVar changed;
  std::vector<v1::TodayWeather> messages;
  std::function<void(bool)> pending_sent;
  std::optional<absl::Status> ended;
};

TEST_F(WeatherCoreTest, AWatchSendsAtOnceAndAgainWhenThereIsNews) {
  WatchLimit limit(10);
  Received received;
  v1::WatchWeatherRequest request;
  request.mutable_min_interval()->set_seconds(1);
  auto watch = Watch::Start(request, {core_.get(), &timers_, &limit}, received.Sink());
  ASSERT_NE(watch, nullptr);
  const auto first = received.Next();
  EXPECT_EQ(first.current().temperature(), 15.4);
  EXPECT_EQ(limit.count(), 1);
  // Nothing new is looked for before the first message is out. Then the report gets old, and the source has another.
  std::string newer = Testdata("open_meteo_chatham.json");
  newer.replace(newer.find("\"temperature_2m\":15.4"), 21, "\"temperature_2m\":16.0");
  upstream_.AnswerWith(kForecastPath, 200, newer);
  clock_.Advance(absl::Hours(1));
  received.Sent(true);
  EXPECT_EQ(received.Next().current().temperature(), 16.0);
  watch->Cancel();
  received.Sent(true);
  watch.reset();
  EXPECT_EQ(limit.count(), 0);
}

TEST_F(WeatherCoreTest, AWatchSaysWhenTheSourceHasStopped) {
  WatchLimit limit(10);
  Received received;
  v1::WatchWeatherRequest request;
  request.mutable_min_interval()->set_seconds(1);
  auto watch = Watch::Start(request, {core_.get(), &timers_, &limit}, received.Sink());
  EXPECT_FALSE(received.Next().provenance().stale());
  upstream_.AnswerWith(kForecastPath, 500, "down");
  clock_.Advance(absl::Hours(1));
  received.Sent(true);
  EXPECT_TRUE(received.Next().provenance().stale());
  received.Sent(false);  // the caller is gone
  watch.reset();
  EXPECT_EQ(limit.count(), 0);
}

TEST_F(WeatherCoreTest, WatchesAreCheckedAndCounted) {
  WatchLimit limit(1);
  Received first, second, third;
  v1::WatchWeatherRequest request;
  auto watch = Watch::Start(request, {core_.get(), &timers_, &limit}, first.Sink());
  ASSERT_NE(watch, nullptr);
  EXPECT_EQ(Watch::Start(request, {core_.get(), &timers_, &limit}, second.Sink()), nullptr);
  EXPECT_EQ(second.ended->code(), absl::StatusCode::kResourceExhausted);
  request.mutable_weather()->set_units("furlongs");
  EXPECT_EQ(Watch::Start(request, {core_.get(), &timers_, &limit}, third.Sink()), nullptr);
  EXPECT_EQ(third.ended->code(), absl::StatusCode::kInvalidArgument);
  first.Next();
  watch->Cancel();
  first.Sent(false);
}

}  // namespace
}  // namespace stratus::weather
