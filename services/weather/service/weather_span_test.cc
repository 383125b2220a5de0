// What a trace shows of a call to the weather service.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>

#include "lib/rpc/server.h"
#include "lib/telemetry/testing/span_collector.h"
#include "services/weather/service/application.h"
#include "services/weather/testing/fake_upstream.h"
#include "stratus/weather/v1/weather.grpc.pb.h"

namespace stratus::weather {
namespace {

using telemetry::AnnotationValue;
using ::testing::Contains;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(WeatherSpans, ShowTheSourceOnceAndThenTheCache) {
  testing::FakeUpstream upstream;
  telemetry::SpanCollector collector;
  telemetry::FixedSampler always(true);
  const telemetry::Tracer tracer(telemetry::TestResource("stratus-weather"), &always, &collector);
  ServiceOptions options;
  options.sources.openweather = {.domain = upstream.url() + "/data", .api_version = "2.5", .api_key = testing::kApiKey};
  auto application = *Application::Start(std::move(options));
  rpc::ServerOptions server_options;
  server_options.listen = {*core::ParseAddress("127.0.0.1:0")};
  server_options.authentication_off = true;
  server_options.tracer = &tracer;
  application->AddTo(&server_options);
  auto server = *rpc::Server::Start(std::move(server_options));
  auto stub =
      v1::WeatherService::NewStub(grpc::CreateChannel(server->addresses().front(), grpc::InsecureChannelCredentials()));
  for (int i = 0; i < 2; ++i) {
    grpc::ClientContext context;
    v1::TodayWeather weather;
    ASSERT_TRUE(stub->GetTodayWeather(&context, v1::GetTodayWeatherRequest(), &weather).ok());
  }
  server->Drain(absl::Seconds(5));  // every span has ended then
  application->Stop();
  const auto finished = collector.finished();
  ASSERT_THAT(finished, SizeIs(2));
  const auto& miss = finished[0].spans;
  EXPECT_THAT(miss[0].annotations, Contains(Pair("cache", AnnotationValue("miss"))));
  ASSERT_GE(miss.size(), 2u);
  EXPECT_EQ(miss[1].kind, telemetry::SpanKind::kClient);
  EXPECT_EQ(miss[1].parent_id, miss[0].id);
  EXPECT_EQ(miss[1].http.status, 200);
  EXPECT_GE(miss[1].start, miss[0].start);
  EXPECT_LE(miss[1].start + miss[1].duration, miss[0].start + miss[0].duration);
  EXPECT_THAT(finished[1].spans, SizeIs(1));
  EXPECT_THAT(finished[1].spans[0].annotations, Contains(Pair("cache", AnnotationValue("hit"))));
}

}  // namespace
}  // namespace stratus::weather
