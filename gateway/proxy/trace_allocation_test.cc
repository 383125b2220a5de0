// What a call that is not sampled costs in memory: nothing, once the first call has been.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "gateway/proxy/call_trace.h"
#include "lib/telemetry/call_log.h"
#include "lib/telemetry/testing/span_collector.h"

namespace {
std::atomic<int64_t> g_allocations{0};
}

[[gnu::noinline]] void* operator new(size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace stratus::gateway::proxy {
namespace {

TEST(TraceAllocation, ACallThatIsNotSampledAllocatesNothingForItsTrace) {
  telemetry::SpanCollector collector;
  telemetry::FixedSampler never{false};
  const telemetry::Tracer tracer(telemetry::TestResource("stratus-gateway"), &never, &collector);
  const http::Header headers[] = {{"x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793"}};
  http::RequestHead head;
  head.method = "GET";
  head.path = "/nothing/here";
  head.headers = headers;
  CallTrace trace;
  HeaderList response;
  const auto refuse = [&] {
    response.clear();
    trace.Begin({&tracer, false}, head);
    trace.AppendResponseHeaders(&response);
    trace.End(404, absl::StatusCode::kNotFound, 0, "unmatched", {});
  };
  refuse();
  const int64_t before = g_allocations.load();
  for (int i = 0; i < 1000; ++i) refuse();
  EXPECT_EQ(g_allocations.load() - before, 0);
}

TEST(TraceAllocation, ALineThatSamplingLeavesOutAllocatesNothing) {
  telemetry::CallLog log({.fd = 2, .sample_one_in = uint64_t{1} << 62});
  telemetry::CallLine line;
  line.trace_id = "5759e988bd862e3fe1be46a994272793";
  line.route = "/v1/weather:today";
  line.http_status = 200;
  const int64_t before = g_allocations.load();
  for (int i = 0; i < 1000; ++i) log.Write(line);
  EXPECT_EQ(g_allocations.load() - before, 0);
}

}  // namespace
}  // namespace stratus::gateway::proxy
