// What a call costs that is not sampled: the budget is 300 ns and no allocation.
#include <benchmark/benchmark.h>

#include "lib/telemetry/testing/span_collector.h"
#include "lib/telemetry/tracer.h"

namespace stratus::telemetry {
namespace {

// As the gateway does it: the trace continued or begun, a decision, a child for the upstream, the headers for it.
void UnsampledCall(benchmark::State& state, std::string_view traceparent, std::string_view x_amzn_trace_id) {
  SpanCollector collector;
  FixedSampler never(false);
  const Tracer tracer(TestResource("door"), &never, &collector);
  std::string headers;
  headers.reserve(256);
  for (auto _ : state) {
    TraceContext trace = ContinueTrace(traceparent, x_amzn_trace_id);
    Span span = tracer.StartSegment(&trace, {.http_method = "GET", .url_path = "/v1/weather:today"});
    const ScopedSpan scope(span);
    Span child = CurrentSpan().StartChild("upstream", SpanKind::kClient);
    headers.clear();
    trace.AppendTraceparent(&headers);
    trace.AppendXAmznTraceId(&headers);
    benchmark::DoNotOptimize(headers.data());
  }
}

void BM_UnsampledNewTrace(benchmark::State& state) { UnsampledCall(state, "", ""); }
BENCHMARK(BM_UnsampledNewTrace);

void BM_UnsampledTraceparent(benchmark::State& state) {
  UnsampledCall(state, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "");
}
BENCHMARK(BM_UnsampledTraceparent);

void BM_UnsampledXAmznTraceId(benchmark::State& state) {
  UnsampledCall(state, "", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0");
}
BENCHMARK(BM_UnsampledXAmznTraceId);

}  // namespace
}  // namespace stratus::telemetry
