#include "services/weather/sources/source_selector.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "lib/http_client/http_client.h"
#include "services/weather/testing/fake_upstream.h"

namespace stratus::weather {
namespace {

using testing::FakeUpstream;

class SourceSelectorTest : public ::testing::Test {
 protected:
  SourceSelectorTest() {
    options_.open_meteo.domain = open_meteo_.url();
    options_.probe_timeout = absl::Seconds(30);
  }
  static http_client::Options ClientOptions() {
    http_client::Options options;
    options.attempts_max = 1;
    options.breaker_failures = 1000;
    return options;
  }
  std::unique_ptr<SourceSelector> Select() {
    return std::make_unique<SourceSelector>(
        options_, &client_, &core::Clock::Real(),
        [this](absl::Duration, std::function<void()> callback) { later_.push_back(std::move(callback)); });
  }

  FakeUpstream open_meteo_;
  FakeUpstream sandbox_;
  http_client::Client client_{ClientOptions()};
  SourceOptions options_;
  std::vector<std::function<void()>> later_;
};

TEST_F(SourceSelectorTest, AKeyMeansOpenWeather) {
  options_.openweather.api_key = "k";
  options_.development = true;
  options_.sandbox_url = sandbox_.url();
  EXPECT_EQ(Select()->current().name(), "openweather");
  EXPECT_EQ(open_meteo_.requests("/v1/forecast"), 0);
}

TEST_F(SourceSelectorTest, OpenMeteoIsTakenWhereItCanBeReached) {
  options_.development = true;
  options_.sandbox_url = sandbox_.url();
  EXPECT_EQ(Select()->current().name(), "open-meteo");
  EXPECT_EQ(open_meteo_.requests("/v1/forecast"), 1);
}

TEST_F(SourceSelectorTest, TheSandboxStandsInOnlyInDevelopmentAndOnlyWhereConfigured) {
  open_meteo_.AnswerWith("", 200, "<html>captive portal</html>");
  EXPECT_EQ(Select()->current().name(), "open-meteo") << "nothing is configured";
  options_.sandbox_url = sandbox_.url();
  EXPECT_EQ(Select()->current().name(), "open-meteo") << "in production nothing falls back";
  options_.development = true;
  EXPECT_EQ(Select()->current().name(), "sandbox");
}

TEST_F(SourceSelectorTest, ASourceThatIsSilentIsUnreachable) {
  open_meteo_.SetAnswer(
      "", [](const http_server::Request&) { return http_server::Response{.body = "{}", .delay = absl::Seconds(5)}; });
  options_.development = true;
  options_.sandbox_url = sandbox_.url();
  options_.probe_timeout = absl::Milliseconds(100);
  EXPECT_EQ(Select()->current().name(), "sandbox");
}

TEST_F(SourceSelectorTest, OpenMeteoTakesOverOnceItCanBeReached) {
  open_meteo_.AnswerWith("", 503, "");
  options_.development = true;
  options_.sandbox_url = sandbox_.url();
  const auto selector = Select();
  ASSERT_EQ(selector->current().name(), "sandbox");
  ASSERT_EQ(later_.size(), 1u);
  open_meteo_.SetAnswer("", nullptr);
  later_.front()();
  while (selector->current().name() != "open-meteo") std::this_thread::yield();
}

}  // namespace
}  // namespace stratus::weather
