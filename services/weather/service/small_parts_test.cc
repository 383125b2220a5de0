// Timers, budgets, the codec, REDIS_URL and the environment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "services/weather/service/redis_url.h"
#include "services/weather/service/report_codec.h"
#include "services/weather/service/service_options.h"
#include "services/weather/service/source_budget.h"
#include "services/weather/service/timer_queue.h"
#include "services/weather/sources/open_meteo_parse.h"
#include "services/weather/sources/upstream_error.h"
#include "services/weather/testing/fake_upstream.h"

namespace stratus::weather {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(TimerQueue, RunsInTheOrderOfDueTimes) {
  TimerQueue timers;
  std::vector<int> order;
  std::promise<void> scheduled, last;
  timers.Schedule(absl::ZeroDuration(), [&] { scheduled.get_future().wait(); });  // none runs before all are there
  timers.Schedule(absl::Milliseconds(30), [&] {
    order.push_back(3);
    last.set_value();
  });
  timers.Schedule(absl::Milliseconds(1), [&] { order.push_back(1); });
  timers.Schedule(absl::Milliseconds(10), [&] { order.push_back(2); });
  scheduled.set_value();
  last.get_future().get();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(TimerQueue, CancelledTimersDoNotRunAndAStoppedQueueRefuses) {
  TimerQueue timers(2);
  bool ran = false;
  const auto id = timers.Schedule(absl::Hours(1), [&ran] { ran = true; });
  EXPECT_TRUE(timers.Cancel(id));
  EXPECT_FALSE(timers.Cancel(id));
  EXPECT_NE(timers.Schedule(absl::Hours(1), [] {}), 0u);
  EXPECT_NE(timers.Schedule(absl::Hours(1), [] {}), 0u);
  EXPECT_EQ(timers.Schedule(absl::Hours(1), [] {}), 0u) << "two at most";
  timers.Stop();
  EXPECT_EQ(timers.Schedule(absl::ZeroDuration(), [] {}), 0u);
  EXPECT_FALSE(ran);
}

TEST(SourceBudget, SaysWhenThereWillBeMore) {
  core::ManualClock clock;
  SourceBudget budget({.openweather_per_minute = 6, .open_meteo_per_minute = 0}, &clock);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.Take("openweather", 2).ok());
  const absl::Status spent = budget.Take("openweather", 2);
  EXPECT_EQ(spent.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(spent), reason::kBudgetSpent);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(core::GetDetail(spent, &retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 20) << "two tokens at six a minute";
  clock.Advance(absl::Seconds(20));
  EXPECT_TRUE(budget.Take("openweather", 2).ok());
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(budget.Take("open-meteo", 1).ok()) << "no limit";
}

TEST(ReportCodec, KeepsEveryValueAndEveryAbsence) {
  auto report = open_meteo::ParseReport("open-meteo", testing::Testdata("open_meteo_chatham.json"));
  ASSERT_TRUE(report.ok());
  report->source = "open-meteo";
  report->fetched_at = absl::FromUnixMillis(1768436123456);
  report->rows[5].humidity_percent.reset();
  report->rows[6].precipitation_mm = 0;
  const std::string bytes = EncodeReport(*report);
  const auto back = DecodeReport(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->fetched_at, report->fetched_at);
  EXPECT_EQ(back->time_zone, "Pacific/Chatham");
  ASSERT_EQ(back->rows.size(), report->rows.size());
  EXPECT_FALSE(back->rows[5].humidity_percent);
  EXPECT_EQ(back->rows[6].precipitation_mm, 0);
  for (size_t i = 0; i < back->rows.size(); ++i) {
    EXPECT_EQ(back->rows[i].temperature_c, report->rows[i].temperature_c);
    EXPECT_EQ(back->rows[i].visibility_m, report->rows[i].visibility_m);
    EXPECT_EQ(back->rows[i].sky->text, report->rows[i].sky->text);
  }
  EXPECT_EQ(back->days.size(), 3u);
  EXPECT_EQ(EncodeReport(*back), bytes);
}

TEST(ReportCodec, TakesStrangeBytesForNoReport) {
  EXPECT_FALSE(DecodeReport(""));
  EXPECT_FALSE(DecodeReport("not a report at all"));
  const std::string bytes = EncodeReport(SourceReport{});
  EXPECT_FALSE(DecodeReport(bytes));
}

TEST(RedisUrl, ReadsTheUsualForms) {
  const auto tcp = ParseRedisUrl("redis://user:p%40ss@cache.internal:6380/3");
  ASSERT_TRUE(tcp.ok()) << tcp.status();
  EXPECT_EQ(tcp->host, "cache.internal");
  EXPECT_EQ(tcp->port, 6380);
  EXPECT_EQ(tcp->user, "user");
  EXPECT_EQ(tcp->password, "p@ss");
  EXPECT_EQ(tcp->database, 3);
  EXPECT_EQ(ParseRedisUrl("redis://localhost")->port, 6379);
  EXPECT_EQ(ParseRedisUrl("redis://[::1]:7000")->host, "::1");
  EXPECT_EQ(ParseRedisUrl("redis://:secret@localhost")->password, "secret");
  const auto local = ParseRedisUrl("unix:///run/redis.sock?db=2");
  ASSERT_TRUE(local.ok()) << local.status();
  EXPECT_EQ(local->unix_path, "/run/redis.sock");
  EXPECT_EQ(local->database, 2);
}

TEST(RedisUrl, RefusesOthersWithoutRepeatingThem) {
  for (const char* bad : {"", "localhost:6379", "rediss://:secret@host", "redis://", "redis://:secret@host:0",
                          "redis://:secret@host/zero", "unix://secret/relative", "redis://:secret%4@host"}) {
    const auto address = ParseRedisUrl(bad);
    EXPECT_FALSE(address.ok()) << bad;
    EXPECT_THAT(std::string(address.status().message()), HasSubstr("REDIS_URL"));
    EXPECT_THAT(std::string(address.status().message()), Not(HasSubstr("secret")));
  }
}

absl::StatusOr<ServiceOptions> OptionsFrom(const std::map<std::string, std::string>& variables) {
  return ServiceOptionsFromEnvironment(
      [&variables](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(std::string(name));
        if (found == variables.end()) return std::nullopt;
        return found->second;
      },
      false);
}

TEST(ServiceOptions, AnEmptyEnvironmentMeansOpenMeteoAtHanoiForTenMinutes) {
  const auto options = OptionsFrom({{"OPEN_WEATHER_API_KEY", ""}});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->sources.openweather.api_key, "");
  EXPECT_EQ(options->core.default_place.latitude, 21.0278);
  EXPECT_EQ(options->core.reports.ttl, absl::Minutes(10));
  EXPECT_GT(options->core.budget.open_meteo_per_minute, 0);
  EXPECT_FALSE(options->redis);
}

TEST(ServiceOptions, ReadsWhatUsersHave) {
  const auto options = OptionsFrom({{"OPEN_WEATHER_API_KEY", "k"},
                                    {"OPEN_WEATHER_DOMAIN", "http://127.0.0.1:1/data/"},
                                    {"COORD_LATITUDE", "-43.95"},
                                    {"COORD_LONGITUDE", "-176.55"},
                                    {"WEATHER_CACHE_SECONDS", "0"},
                                    {"REDIS_URL", "redis://localhost"}});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->sources.openweather.domain, "http://127.0.0.1:1/data");
  EXPECT_EQ(options->sources.probe_place.longitude, -176.55);
  EXPECT_EQ(options->core.reports.ttl, absl::ZeroDuration());
  EXPECT_EQ(options->core.budget.openweather_per_minute, 0) << "another host's limits are not known";
  EXPECT_EQ(options->redis->host, "localhost");
}

TEST(ServiceOptions, NamesTheVariableThatIsWrongAndNeverAKey) {
  const std::pair<const char*, const char*> wrong[] = {{"COORD_LATITUDE", "91"},
                                                       {"COORD_LATITUDE", "21"},
                                                       {"OPEN_WEATHER_DOMAIN", "api.openweathermap.org"},
                                                       {"OPEN_WEATHER_API_VERSION", "../2.5"},
                                                       {"OPEN_WEATHER_API_KEY", "secret key"},
                                                       {"WEATHER_CACHE_SECONDS", "-1"},
                                                       {"WEATHER_REQUESTS_PER_MINUTE", "many"},
                                                       {"REDIS_URL", "http://:secret@x"}};
  for (const auto& [name, value] : wrong) {
    const auto options = OptionsFrom({{name, value}});
    EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(std::string(name).substr(0, 5)));
    EXPECT_THAT(std::string(options.status().message()), Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace stratus::weather
