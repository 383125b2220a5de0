#include "lib/telemetry/metrics.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, CountsByLabels) {
  Metrics metrics;
  const auto calls = metrics.NewCounter("calls_total", "Calls that ended.", {"method", "code"});
  calls->Increment({"/a.B/C", "OK"});
  calls->Increment({"/a.B/C", "OK"}, 2);
  calls->Increment({"/a.B/C", "INTERNAL"});
  const std::string text = metrics.Scrape();
  EXPECT_THAT(text, HasSubstr("# HELP calls_total Calls that ended.\n# TYPE calls_total counter\n"));
  EXPECT_THAT(text, HasSubstr("calls_total{code=\"OK\",method=\"/a.B/C\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("calls_total{code=\"INTERNAL\",method=\"/a.B/C\"} 1\n"));
}

TEST(Metrics, KeepsGaugesAndHistograms) {
  Metrics metrics;
  const auto in_flight = metrics.NewGauge("in_flight", "Under way.");
  in_flight->Add({}, 3);
  in_flight->Add({}, -1);
  const auto seconds = metrics.NewHistogram("call_seconds", "Latency.", {0.01, 0.1});
  seconds->Observe({}, 0.005);
  seconds->Observe({}, 0.05);
  seconds->Observe({}, 5);
  const std::string text = metrics.Scrape();
  EXPECT_THAT(text, HasSubstr("in_flight 2\n"));
  EXPECT_THAT(text, HasSubstr("call_seconds_bucket{le=\"0.01\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("call_seconds_bucket{le=\"0.1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("call_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("call_seconds_count 3\n"));
}

TEST(Metrics, CountsWhatIsPastTheSeriesLimitUnderOther) {
  Metrics metrics;
  const auto calls = metrics.NewCounter("calls_total", "Calls.", {"path"}, /*series_max=*/2);
  for (int i = 0; i < 100; ++i) calls->Increment({absl::StrCat("/", i)});
  calls->Increment({"/1"});
  const std::string text = metrics.Scrape();
  EXPECT_THAT(text, HasSubstr("calls_total{path=\"/1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("calls_total{path=\"other\"} 98\n"));
  EXPECT_THAT(text, Not(HasSubstr("\"/2\"")));
}

TEST(Metrics, ReadsSourcesAtEachScrapeUntilTheyGo) {
  Metrics metrics;
  int retries = 4;
  auto source = metrics.AddSource([&](Snapshot& out) {
    out.Counter("retries_total", "Retries.", retries, {{"host", "a"}});
    out.Counter("retries_total", "Retries.", 1, {{"host", "b"}});
    out.Gauge("open", "Open.", 2);
  });
  EXPECT_THAT(metrics.Scrape(), HasSubstr("retries_total{host=\"a\"} 4\nretries_total{host=\"b\"} 1\n"));
  retries = 5;
  EXPECT_THAT(metrics.Scrape(), HasSubstr("retries_total{host=\"a\"} 5\n"));
  source.reset();
  EXPECT_THAT(metrics.Scrape(), Not(HasSubstr("retries_total")));
}

TEST(Metrics, TakesHistogramsFromSources) {
  Metrics metrics;
  const auto source = metrics.AddSource([](Snapshot& out) {
    out.Histogram("call_seconds", "Latency.", {0.1, 1}, {4, 2, 1}, 12.5, {{"route", "/a"}});
  });
  const std::string text = metrics.Scrape();
  EXPECT_THAT(text, HasSubstr("# TYPE call_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("call_seconds_count{route=\"/a\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("call_seconds_sum{route=\"/a\"} 12.5\n"));
  EXPECT_THAT(text, HasSubstr("call_seconds_bucket{route=\"/a\",le=\"1\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("call_seconds_bucket{route=\"/a\",le=\"+Inf\"} 7\n"));
}

TEST(Metrics, LosesNothingUnderConcurrentUse) {
  Metrics metrics;
  const auto calls = metrics.NewCounter("calls_total", "Calls.", {"thread"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&calls, &metrics, i] {
      for (int n = 0; n < 1000; ++n) calls->Increment({i % 2 == 0 ? "even" : "odd"});
      EXPECT_THAT(metrics.Scrape(), HasSubstr("calls_total"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics.Scrape(), HasSubstr("calls_total{thread=\"even\"} 2000\n"));
}

}  // namespace
}  // namespace stratus::telemetry
