// The hot path: a call whose answer is in the cache, from the request to the bytes of its reply, without gRPC.
#include <benchmark/benchmark.h>

#include <future>
#include <memory>

#include "lib/http_client/http_client.h"
#include "services/weather/service/weather_core.h"
#include "services/weather/testing/fake_upstream.h"

namespace stratus::weather {
namespace {

struct Fixture {
  Fixture() {
    SourceOptions options;
    options.open_meteo.domain = upstream.url();
    sources = std::make_unique<SourceSelector>(options, &client, &clock, nullptr);
    core = std::make_unique<WeatherCore>(CoreOptions{.default_place = {-43.95, -176.55}}, sources.get(), nullptr,
                                         &clock, &timers);
    std::promise<void> warm;
    core->GetToday(v1::GetTodayWeatherRequest(), absl::InfiniteFuture(), [&warm](auto reply) {
      if (!reply.ok()) std::abort();
      warm.set_value();
    });
    warm.get_future().get();
  }

  testing::FakeUpstream upstream;
  core::ManualClock clock{absl::FromUnixSeconds(1768436400)};
  http_client::Client client;
  TimerQueue timers;
  std::unique_ptr<SourceSelector> sources;
  std::unique_ptr<WeatherCore> core;
};

void GetTodayFromTheCache(benchmark::State& state) {
  static Fixture fixture;
  v1::GetTodayWeatherRequest request;
  request.set_lat(-43.95);
  request.set_lon(-176.55);
  size_t bytes = 0;
  for (auto _ : state) {
    fixture.core->GetToday(request, absl::InfiniteFuture(),
                           [&bytes](absl::StatusOr<EncodedReply> reply) { bytes = reply->body->size(); });
  }
  state.counters["reply_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(GetTodayFromTheCache);

// What a hit would cost without the kept reply: the local day, the sun, 24 rows, serialised.
void MakeTodayAnew(benchmark::State& state) {
  static Fixture fixture;
  v1::GetTodayWeatherRequest request;
  int view = 0;
  for (auto _ : state) {
    // Nine zones in turn for eight kept views: every one is made anew.
    static const char* const kZones[] = {"UTC",          "Asia/Tokyo",       "Asia/Kolkata",
                                         "Europe/Paris", "Asia/Dubai",       "Europe/London",
                                         "Asia/Manila",  "America/New_York", "Asia/Seoul"};
    request.set_time_zone(kZones[view++ % 9]);
    fixture.core->GetToday(request, absl::InfiniteFuture(),
                           [](absl::StatusOr<EncodedReply> reply) { benchmark::DoNotOptimize(reply); });
  }
}
BENCHMARK(MakeTodayAnew);

}  // namespace
}  // namespace stratus::weather
