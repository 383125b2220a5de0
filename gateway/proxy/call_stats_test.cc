#include "gateway/proxy/call_stats.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/telemetry/metrics.h"

namespace stratus::gateway::proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Scrape(const CallStatsTable& table) {
  telemetry::Metrics metrics;
  const auto source = metrics.AddSource([&](telemetry::Snapshot& out) { table.Write(out); });
  return metrics.Scrape();
}

TEST(CallStats, AddUpOverWorkers) {
  CallStatsTable table;
  CallStats* const one = table.AddWorker();
  CallStats* const two = table.AddWorker();
  one->Add("/v1/a", absl::StatusCode::kOk, 90'000);
  one->Add("/v1/a", absl::StatusCode::kNotFound, 2'000'000);
  two->Add("/v1/a", absl::StatusCode::kOk, 40'000'000'000);
  two->Add("/v1/b", absl::StatusCode::kOk, 100'000);
  const std::string text = Scrape(table);
  EXPECT_THAT(text, HasSubstr("stratus_gateway_calls_total{route=\"/v1/a\",code=\"OK\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("stratus_gateway_calls_total{route=\"/v1/a\",code=\"NOT_FOUND\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stratus_gateway_call_seconds_bucket{route=\"/v1/a\",le=\"0.0001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stratus_gateway_call_seconds_bucket{route=\"/v1/a\",le=\"0.0025\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("stratus_gateway_call_seconds_bucket{route=\"/v1/a\",le=\"30\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("stratus_gateway_call_seconds_bucket{route=\"/v1/a\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("stratus_gateway_call_seconds_count{route=\"/v1/a\"} 3\n"));
  // The bound itself belongs to its bucket.
  EXPECT_THAT(text, HasSubstr("stratus_gateway_call_seconds_bucket{route=\"/v1/b\",le=\"0.0001\"} 1\n"));
}

TEST(CallStats, HoldNoMoreRoutesThanTheyMay) {
  CallStatsTable table;
  CallStats* const stats = table.AddWorker();
  for (size_t i = 0; i < CallStats::kRoutesMax + 50; ++i) {
    stats->Add(absl::StrCat("/route/", i), absl::StatusCode::kOk, 1000);
  }
  const std::string text = Scrape(table);
  EXPECT_THAT(text, HasSubstr("stratus_gateway_calls_total{route=\"other\",code=\"OK\"} 50\n"));
  EXPECT_THAT(text, Not(HasSubstr(absl::StrCat("/route/", CallStats::kRoutesMax, "\""))));
}

}  // namespace
}  // namespace stratus::gateway::proxy
