// The service as a gRPC client meets it: a real server, a real channel, a stand-in for the source.
#include "services/weather/service/weather_service.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "lib/rpc/server.h"
#include "lib/rpc/status.h"
#include "services/weather/service/application.h"
#include "services/weather/sources/upstream_error.h"
#include "services/weather/testing/fake_upstream.h"

namespace stratus::weather {
namespace {

using testing::FakeUpstream;
using ::testing::HasSubstr;
using testing::Testdata;

class WeatherServiceTest : public ::testing::Test {
 protected:
  WeatherServiceTest() {
    ServiceOptions options;
    options.sources.openweather = {
        .domain = upstream_.url() + "/data", .api_version = "2.5", .api_key = testing::kApiKey};
    options.core.budget.openweather_per_minute = 0;
    application_ = *Application::Start(std::move(options));
    rpc::ServerOptions server;
    server.listen = {*core::ParseAddress("127.0.0.1:0")};
    server.authentication_off = true;
    application_->AddTo(&server);
    auto started = rpc::Server::Start(std::move(server));
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    stub_ = v1::WeatherService::NewStub(
        grpc::CreateChannel(server_->addresses().front(), grpc::InsecureChannelCredentials()));
  }
  ~WeatherServiceTest() override {
    server_->Drain(absl::Seconds(5));
    application_->Stop();
  }

  absl::StatusOr<v1::TodayWeather> Today(const v1::GetTodayWeatherRequest& request = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::TodayWeather weather;
    const grpc::Status status = stub_->GetTodayWeather(&context, request, &weather);
    if (!status.ok()) return rpc::FromGrpc(status);
    return weather;
  }

  std::string Scrape() const {
    telemetry::Metrics metrics;
    const auto source = metrics.AddSource([this](telemetry::Snapshot& out) { application_->WriteMetrics(out); });
    return metrics.Scrape();
  }

  FakeUpstream upstream_;
  std::unique_ptr<Application> application_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::WeatherService::Stub> stub_;
};

TEST_F(WeatherServiceTest, GivesTodaysWeatherFirstFromTheSourceThenFromTheCache) {
  for (int i = 0; i < 3; ++i) {
    v1::GetTodayWeatherRequest request;
    request.set_language("vi");
    const auto weather = Today(request);
    ASSERT_TRUE(weather.ok()) << weather.status();
    EXPECT_EQ(weather->source(), "openweather");
    EXPECT_EQ(weather->place().name(), "Hà Nội");
    EXPECT_EQ(weather->current().condition().text(), "mưa nhẹ");
    EXPECT_EQ(weather->language(), "vi");
    EXPECT_EQ(weather->time_zone(), "UTC+07:00");
    EXPECT_EQ(weather->provenance().source(), "openweather");
  }
  EXPECT_EQ(upstream_.requests("/data/2.5/weather"), 1);
}

TEST_F(WeatherServiceTest, CarriesFieldViolationsToTheClient) {
  v1::GetTodayWeatherRequest request;
  request.mutable_location()->set_latitude(91);
  request.mutable_location()->set_longitude(0);
  const auto weather = Today(request);
  EXPECT_EQ(weather.status().code(), absl::StatusCode::kInvalidArgument);
  google::rpc::BadRequest details;
  ASSERT_TRUE(core::GetDetail(weather.status(), &details));
  EXPECT_EQ(details.field_violations(0).field(), "location.latitude");
}

TEST_F(WeatherServiceTest, SaysHowLongACopyOfAReplyIsGood) {
  const auto said = [this] {
    grpc::ClientContext context;
    v1::TodayWeather weather;
    EXPECT_TRUE(stub_->GetTodayWeather(&context, {}, &weather).ok());
    const auto& metadata = context.GetServerInitialMetadata();
    const auto at = metadata.find("cache-control");
    return at == metadata.end() ? std::string() : std::string(at->second.data(), at->second.size());
  };
  // Less only in the last minutes of the place's day.
  EXPECT_THAT(said(),
              ::testing::MatchesRegex("max-age=[0-9]+, stale-while-revalidate=[0-9]+, stale-if-error=[0-9]+|no-cache"));
}

TEST_F(WeatherServiceTest, CarriesAnAmbiguousPlacesCandidatesToTheClient) {
  v1::GetTodayWeatherRequest request;
  request.set_q("London");
  const auto weather = Today(request);
  EXPECT_EQ(weather.status().code(), absl::StatusCode::kFailedPrecondition);
  google::rpc::PreconditionFailure candidates;
  ASSERT_TRUE(core::GetDetail(weather.status(), &candidates));
  EXPECT_EQ(candidates.violations_size(), 3);
  EXPECT_THAT(std::string(weather.status().message()), HasSubstr("London, Ontario, CA (42.9832,-81.2434)"));
}

TEST_F(WeatherServiceTest, ABrokenSourceIsUnavailableWithAReasonAndWithoutTheKey) {
  upstream_.AnswerWith("/data/2.5/weather", 200, "<html>");
  const auto weather = Today();
  EXPECT_EQ(weather.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(weather.status()), reason::kBadAnswer);
  EXPECT_THAT(weather.status().ToString(), ::testing::Not(HasSubstr(testing::kApiKey)));
}

TEST_F(WeatherServiceTest, GivesForecastsPlacesAndTheSourcesOwnJson) {
  grpc::ClientContext forecast_context;
  v1::Forecast forecast;
  ASSERT_TRUE(stub_->GetForecast(&forecast_context, {}, &forecast).ok());
  EXPECT_EQ(forecast.source(), "openweather");
  grpc::ClientContext places_context;
  v1::SearchPlacesRequest search;
  search.set_query("London");
  search.set_page_size(2);
  v1::SearchPlacesResponse places;
  ASSERT_TRUE(stub_->SearchPlaces(&places_context, search, &places).ok());
  EXPECT_EQ(places.places_size(), 2);
  grpc::ClientContext raw_context;
  google::api::HttpBody body;
  ASSERT_TRUE(stub_->GetOpenWeather(&raw_context, {}, &body).ok());
  EXPECT_EQ(body.data(), Testdata("openweather_weather.json"));
  EXPECT_THAT(body.content_type(), HasSubstr("application/json"));
}

TEST_F(WeatherServiceTest, AWatchGivesItsFirstMessageAtOnceAndEndsWithItsCaller) {
  grpc::ClientContext context;
  const auto stream = stub_->WatchWeather(&context, {});
  v1::TodayWeather weather;
  ASSERT_TRUE(stream->Read(&weather));
  EXPECT_EQ(weather.source(), "openweather");
  EXPECT_THAT(Scrape(), HasSubstr("stratus_weather_watchers 1"));
  context.TryCancel();
  EXPECT_FALSE(stream->Read(&weather));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(WeatherServiceTest, AWatchThatIsWrongEndsWithItsViolations) {
  grpc::ClientContext context;
  v1::WatchWeatherRequest request;
  request.mutable_weather()->set_units("furlongs");
  const auto stream = stub_->WatchWeather(&context, request);
  v1::TodayWeather weather;
  EXPECT_FALSE(stream->Read(&weather));
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  google::rpc::BadRequest details;
  ASSERT_TRUE(core::GetDetail(status, &details));
  EXPECT_EQ(details.field_violations(0).field(), "weather.units");
}

TEST_F(WeatherServiceTest, ADrainEndsWatches) {
  grpc::ClientContext context;
  const auto stream = stub_->WatchWeather(&context, {});
  v1::TodayWeather weather;
  ASSERT_TRUE(stream->Read(&weather));
  server_->Drain(absl::Milliseconds(10));
  EXPECT_FALSE(stream->Read(&weather));
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(WeatherServiceTest, BytesThatAreNoRequestAreInvalid) {
  const auto channel = grpc::CreateChannel(server_->addresses().front(), grpc::InsecureChannelCredentials());
  grpc::CompletionQueue queue;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> raw(channel);
  const grpc::Slice slice("\xff\xff\xff");
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::ClientContext context;
  const auto call =
      raw.PrepareUnaryCall(&context, "/stratus.weather.v1.WeatherService/GetTodayWeather", request, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("stratus.weather.v1.GetTodayWeatherRequest"));
  queue.Shutdown();
  EXPECT_FALSE(queue.Next(&tag, &ok));
}

TEST_F(WeatherServiceTest, MetricsNameEveryCache) {
  ASSERT_TRUE(Today().ok());
  ASSERT_TRUE(Today().ok());
  const std::string text = Scrape();
  EXPECT_THAT(text, HasSubstr(R"(stratus_weather_cache_answers_total{cache="reports",result="fresh"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(stratus_weather_fetches_total{cache="reports",result="succeeded"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(stratus_weather_source{source="openweather"} 1)"));
}

}  // namespace
}  // namespace stratus::weather
