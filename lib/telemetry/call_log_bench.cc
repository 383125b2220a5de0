// What a call pays for its line in the access log.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "lib/telemetry/call_log.h"

namespace stratus::telemetry {
namespace {

// As the gateway has it.
CallLine Line() {
  CallLine line;
  line.time = absl::Now();
  line.service = "stratus-gateway";
  line.request_id = "0af7651916cd43dd8448eb211c80319c";
  line.trace_id = "0af7651916cd43dd8448eb211c80319c";
  line.client_id = "4h57khq0b1q8r9s0t1u2v3w4x5";
  line.peer = "127.0.0.1:40000";
  line.protocol = "HTTP/1.1";
  line.http_method = "GET";
  line.route = "/v1/weather:today";
  line.method = "stratus.weather.v1.WeatherService.GetTodayWeather";
  line.upstream = "127.0.0.1:50051";
  line.http_status = 200;
  line.bytes_out = 1043;
  line.duration = absl::Microseconds(812);
  return line;
}

void Write(benchmark::State& state, uint64_t sample_one_in) {
  const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  {
    CallLog log({.fd = fd, .sample_one_in = sample_one_in});
    const CallLine line = Line();
    for (auto _ : state) log.Write(line);
  }
  close(fd);
}

void BM_Line(benchmark::State& state) { Write(state, 1); }
BENCHMARK(BM_Line);

void BM_LineThatSamplingLeavesOut(benchmark::State& state) { Write(state, uint64_t{1} << 62); }
BENCHMARK(BM_LineThatSamplingLeavesOut);

}  // namespace
}  // namespace stratus::telemetry
