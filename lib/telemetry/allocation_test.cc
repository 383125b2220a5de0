// A call that is not sampled allocates nothing.
#include <atomic>
#include <cstdlib>
#include <new>

#include "gtest/gtest.h"
#include "lib/telemetry/local_sampler.h"
#include "lib/telemetry/testing/span_collector.h"
#include "lib/telemetry/tracer.h"

namespace {

std::atomic<int> g_allocations{0};

// Not inline: the compiler would take a `new` freed here for a mistake.
[[gnu::noinline]] void Release(void* memory) { std::free(memory); }

}  // namespace

// Replaces the program's allocator: hence a test of its own.
void* operator new(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete(void* memory, std::size_t) noexcept { Release(memory); }

namespace stratus::telemetry {
namespace {

int AllocationsOfACall(std::string_view traceparent, std::string_view x_amzn_trace_id) {
  SpanCollector collector;
  SamplingRule nothing;
  LocalSampler sampler({nothing});
  const Tracer tracer(TestResource("door"), &sampler, &collector);
  std::string headers;
  headers.reserve(512);
  const auto call = [&] {
    TraceContext trace = ContinueTrace(traceparent, x_amzn_trace_id);
    Span span = tracer.StartSegment(&trace, {.host = "h", .http_method = "GET", .url_path = "/v1/weather:today"});
    const ScopedSpan scope(span);
    Span child = CurrentSpan().StartChild("a name that no small string holds", SpanKind::kClient);
    child.SetHttpRequest("GET", "https://api.example.com/data/2.5/weather");
    child.Annotate("cache", "hit");
    child.SetStatus(absl::OkStatus());
    headers.clear();
    trace.AppendTraceparent(&headers);
    trace.AppendXAmznTraceId(&headers);
  };
  call();  // whatever is made once a thread
  const int before = g_allocations;
  for (int i = 0; i < 100; ++i) call();
  return g_allocations - before;
}

TEST(UnsampledCall, AllocatesNothing) {
  EXPECT_EQ(AllocationsOfACall("", ""), 0);
  EXPECT_EQ(AllocationsOfACall("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", ""), 0);
  EXPECT_EQ(AllocationsOfACall("", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"), 0);
  EXPECT_EQ(AllocationsOfACall("nonsense", "nonsense"), 0);
}

}  // namespace
}  // namespace stratus::telemetry
