#include "lib/telemetry/udp_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "lib/core/mutex.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/testing/udp_daemon.h"

namespace stratus::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

FinishedSpans Segment(const std::string& name, size_t children = 0) {
  FinishedSpans finished{std::make_shared<Resource>(), std::vector<SpanRecord>(1 + children)};
  for (SpanRecord& span : finished.spans) {
    span.trace_id = NewTraceId();
    span.id = NewSpanId();
    span.name = name;
    span.start = absl::Now();
    span.parent_id = finished.spans[0].id;
    span.has_parent = true;
  }
  finished.spans[0].kind = SpanKind::kServer;
  finished.spans[0].has_parent = false;
  return finished;
}

UdpExporterOptions To(const std::string& host, uint16_t port) { return {.daemon = {host, port}}; }

TEST(UdpExporter, SendsADatagramADocument) {
  UdpDaemon daemon;
  UdpExporter exporter(To("127.0.0.1", daemon.port()));
  exporter.Export(Segment("one", 2));
  exporter.Export(Segment("two"));
  EXPECT_THAT(daemon.Receive(), StartsWith("{\"format\": \"json\", \"version\": 1}\n{\"name\":\"one\""));
  EXPECT_THAT(daemon.Receive(), HasSubstr("\"two\""));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().created(), 4u);
  EXPECT_EQ(exporter.counters().sent(), 4u);
}

TEST(UdpExporter, SendsMoreThanOneBatchInOrder) {
  UdpDaemon daemon;
  UdpExporter exporter(To("127.0.0.1", daemon.port()));
  for (int i = 1000; i < 1150; ++i) exporter.Export(Segment("span " + std::to_string(i)));
  for (int i = 1000; i < 1150; ++i) EXPECT_THAT(daemon.Receive(), HasSubstr("\"span " + std::to_string(i) + "\""));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().sent(), 150u);
}

TEST(UdpExporter, SendsWhatIsQueuedBeforeItEnds) {
  UdpDaemon daemon;
  UdpExporter exporter(To("127.0.0.1", daemon.port()));
  for (int i = 0; i < 50; ++i) exporter.Export(Segment("x"));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().sent(), 50u);
  exporter.Export(Segment("late"));
  EXPECT_EQ(exporter.counters().dropped(DropReason::kShutdown), 1u);
}

TEST(UdpExporter, GivesUpWhenItsTimeToEndIsOver) {
  UdpExporterOptions options = To("collector.test", 2000);
  struct Hang {
    core::Mutex mutex;
    core::CondVar wake;
    bool over ABSL_GUARDED_BY(mutex) = false;
  };
  const auto hang = std::make_shared<Hang>();  // the look-up outlives the exporter
  options.lookup = [hang](const HostPort&) -> absl::StatusOr<SocketAddress> {
    core::MutexLock lock(hang->mutex);
    while (!hang->over) hang->wake.Wait(lock);
    return absl::UnavailableError("no such host");
  };
  {
    UdpExporter exporter(std::move(options));
    for (int i = 0; i < 10; ++i) exporter.Export(Segment("x"));
    exporter.Shutdown(absl::ZeroDuration());
    EXPECT_EQ(exporter.counters().dropped(DropReason::kShutdown) + exporter.counters().dropped(DropReason::kUnresolved),
              10u);
  }
  core::MutexLock lock(hang->mutex);
  hang->over = true;
  hang->wake.NotifyAll();
}

TEST(UdpExporter, CountsEverySpanThatNobodyListensTo) {
  UdpDaemon daemon;
  daemon.Close();
  UdpExporter exporter(To("127.0.0.1", daemon.port()));
  for (int i = 0; i < 100; ++i) exporter.Export(Segment("x"));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().dropped(DropReason::kRefused), 100u);
  EXPECT_EQ(exporter.counters().sent(), 0u);
}

TEST(UdpExporter, CountsSpansWhoseCollectorHasNoAddress) {
  UdpExporterOptions options = To("collector.test", 2000);
  options.lookup = [](const HostPort&) -> absl::StatusOr<SocketAddress> { return absl::UnavailableError("no"); };
  UdpExporter exporter(std::move(options));
  exporter.Export(Segment("x", 4));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().dropped(DropReason::kUnresolved), 5u);
}

TEST(UdpExporter, FollowsADaemonThatMoves) {
  UdpDaemon before, after;
  // Not the test's own: a look-up runs on a thread that nobody waits for.
  const auto port = std::make_shared<std::atomic<uint16_t>>(before.port());
  UdpExporterOptions options = To("xray.internal", 2000);
  options.resolve_every = absl::ZeroDuration();
  options.lookup = [port](const HostPort&) { return HostResolver::SystemLookup({"127.0.0.1", port->load()}); };
  UdpExporter exporter(std::move(options));
  exporter.Export(Segment("first"));
  EXPECT_THAT(before.Receive(), HasSubstr("first"));
  *port = after.port();
  // Its look-ups run beside it: some spans still go to where the daemon was.
  std::atomic<bool> arrived = false;
  std::thread sender([&] {
    while (!arrived) {
      exporter.Export(Segment("second"));
      std::this_thread::yield();
    }
  });
  EXPECT_THAT(after.Receive(), HasSubstr("second"));
  arrived = true;
  sender.join();
}

TEST(UdpExporter, ShowsWhatBecomesOfSpansAsMetrics) {
  UdpDaemon daemon;
  UdpExporter exporter(To("127.0.0.1", daemon.port()));
  exporter.Export(Segment("x", 2));
  exporter.Shutdown(absl::InfiniteDuration());
  Metrics metrics;
  const auto source = metrics.AddSource([&](Snapshot& out) { exporter.counters().Write("xray", out); });
  const std::string text = metrics.Scrape();
  EXPECT_THAT(text, HasSubstr("stratus_trace_spans_created_total{exporter=\"xray\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("stratus_trace_spans_sent_total{exporter=\"xray\"} 3\n"));
  for (const char* reason :
       {"queue_full", "too_large", "unresolved", "refused", "send_failed", "rejected", "shutdown"}) {
    EXPECT_THAT(text, HasSubstr(std::string("stratus_trace_spans_dropped_total{exporter=\"xray\",reason=\"") + reason +
                                "\"} 0\n"));
  }
}

}  // namespace
}  // namespace stratus::telemetry
