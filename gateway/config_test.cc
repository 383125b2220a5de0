#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/settings.h"
#include "lib/core/config_loader.h"

namespace stratus::gateway {
namespace {

using ::testing::HasSubstr;

absl::Status Parse(const std::string& yaml, stratus::config::v1::Gateway* config) {
  return core::ParseConfig(yaml, "gateway.yaml", {}, config);
}

TEST(ConfigFile, FillsTheMessage) {
  stratus::config::v1::Gateway config;
  const absl::Status status = Parse(R"(
upstreams:
  - address: unix:/run/weather.sock
    services: [stratus.weather.v1.WeatherService]
    connections: 4
    connect_timeout: 250ms
cors:
  allow_origins: ["https://app.example.com"]
  max_age: 1h
json:
  always_print_fields_with_no_presence: false
auth:
  rules:
    - selector: pkg.*
      authorization: {any_scope: [a/b]}
limits: {request_body_bytes_max: 1048576}
compression: {response_bytes_min: 0, level: 6}
caching:
  rules:
    - selector: pkg.Service.Get
      cache_control: max-age=5
      keep: {shared: true, vary: [accept-language]}
    - selector: pkg.*
      keep: {}
  keep_bytes_max: 2097152
)",
                                    &config);
  ASSERT_TRUE(status.ok()) << status;
  const auto settings = SettingsFromConfig(config);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->upstreams[0].address.unix_path, "/run/weather.sock");
  EXPECT_EQ(settings->upstreams[0].connections, 4);
  EXPECT_EQ(settings->upstreams[0].connect_timeout, absl::Milliseconds(250));
  EXPECT_FALSE(settings->call.output.always_print_fields_with_no_presence);
  EXPECT_EQ(settings->call.request_body_bytes_max, 1u << 20);
  EXPECT_EQ(settings->auth_rules[0].authorization.any_scope(0), "a/b");
  EXPECT_EQ(config.cors().max_age().seconds(), 3600);
  EXPECT_EQ(settings->call.coded_bytes_min, SIZE_MAX);
  EXPECT_EQ(settings->call.coding_level, 6);
  EXPECT_EQ(settings->call.reply_cache_bytes_max, 2u << 20);
  ASSERT_EQ(settings->cache_rules.size(), 2u);
  EXPECT_TRUE(settings->cache_rules[0].shared);
  EXPECT_EQ(settings->cache_rules[0].vary, std::vector<std::string>{"accept-language"});
  EXPECT_TRUE(settings->cache_rules[1].keep);
}

TEST(ConfigFile, SaysHowEndpointsAreChosen) {
  stratus::config::v1::Gateway config;
  const absl::Status status = Parse(R"(
upstreams:
  - address: a.internal:50051
    more_addresses: ["b.internal:50051", "unix:/run/c.sock"]
    balancing: BALANCING_LEAST_REQUEST
    resolve_interval: 5s
    panic_percent: 0
    health_check: {service: pkg.Service, interval: 2s, healthy_threshold: 1}
    outliers: {consecutive_failures: 0, consecutive_timeouts: 0, timeout_min: 2s}
    overload: {calls_min: 8, calls_max: 64, latency_floor: 20ms, queue_wait: 0s, streams_max: 100}
    keepalive: {interval: 0s, timeout: 1s}
    retries: {attempts_max: 2, budget_percent: 0}
  - address: d.internal:50051
    services: [pkg.Other]
)",
                                    &config);
  ASSERT_TRUE(status.ok()) << status;
  const auto settings = SettingsFromConfig(config);
  ASSERT_TRUE(settings.ok()) << settings.status();
  const upstream::ClusterOptions& first = settings->upstreams[0];
  EXPECT_EQ(first.more_addresses[1].unix_path, "/run/c.sock");
  EXPECT_EQ(first.balancing, upstream::Balancing::kLeastRequest);
  EXPECT_EQ(first.resolve_interval, absl::Seconds(5));
  EXPECT_EQ(first.panic_percent, 0);
  EXPECT_TRUE(first.health_check.enabled);
  EXPECT_EQ(first.health_check.service, "pkg.Service");
  EXPECT_EQ(first.health_check.healthy_threshold, 1);
  EXPECT_EQ(first.outlier.consecutive_failures, 0);
  EXPECT_EQ(first.outlier.consecutive_timeouts, 0);
  EXPECT_EQ(first.outlier.timeout_min, absl::Seconds(2));
  EXPECT_EQ(first.admission.limit.calls_min, 8);
  EXPECT_EQ(first.admission.limit.calls_max, 64);
  EXPECT_EQ(first.admission.limit.latency_floor, absl::Milliseconds(20));
  EXPECT_EQ(first.admission.queue_wait, absl::ZeroDuration());
  EXPECT_EQ(first.admission.streams_max, 100);
  EXPECT_EQ(first.keepalive_interval, absl::ZeroDuration());
  EXPECT_EQ(first.keepalive_timeout, absl::Seconds(1));
  EXPECT_EQ(first.retry.attempts_max, 2);
  EXPECT_EQ(first.retry.budget_percent, 0);
  const upstream::ClusterOptions& second = settings->upstreams[1];
  EXPECT_FALSE(second.health_check.enabled);
  EXPECT_EQ(second.outlier.consecutive_failures, 5);
  EXPECT_EQ(second.outlier.consecutive_timeouts, 5);
  EXPECT_EQ(second.admission.limit.calls_max, 1024);
  EXPECT_EQ(second.keepalive_interval, absl::Seconds(5));
  EXPECT_EQ(second.retry.attempts_max, 3);
}

TEST(ConfigFile, RefusesMistakesWithTheirLine) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"limits:\n  header_bytes: 1\n", "gateway.yaml:2:3: limits.header_bytes: unknown key"},
      {"limits:\n  header_bytes_max: many\n", "gateway.yaml:2:21: limits.header_bytes_max: expected a 32-bit integer"},
      {"limits:\n  header_bytes_max: -1\n", "limits.header_bytes_max"},
      {"cors:\n\n  allow_credentials: yes\n", "gateway.yaml:3:22: cors.allow_credentials: expected true or false"},
      {"upstreams: x\n", "gateway.yaml:1:12: upstreams: expected a sequence"},
      {"upstreams:\n  - connect_timeout: 5 s\n", "upstreams[0].connect_timeout: expected a duration"},
      {"a: [\n", "gateway.yaml:"},
      {"- 1\n", "expected a mapping"},
  };
  for (const auto& [yaml, says] : mistakes) {
    stratus::config::v1::Gateway config;
    const absl::Status status = Parse(yaml, &config);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << yaml;
    EXPECT_THAT(std::string(status.message()), HasSubstr(says));
  }
}

TEST(Settings, RefuseValuesOutOfRangeAllAtOnce) {
  stratus::config::v1::Gateway config;
  config.add_upstreams()->set_address("nowhere");
  config.mutable_limits()->set_json_depth_max(5000);
  config.mutable_limits()->mutable_header_timeout()->set_seconds(-1);
  config.mutable_paths()->set_health("up");
  config.mutable_tls()->set_cert_file("/nowhere.crt");
  config.mutable_tls()->set_key_file("/nowhere.key");
  auto* upstream = config.add_upstreams();
  upstream->set_address("127.0.0.1:1");
  upstream->add_more_addresses("nowhere");
  upstream->mutable_tls()->set_ca_file("/nowhere.ca");
  upstream->mutable_outliers()->set_share_max_percent(101);
  upstream->mutable_overload()->set_calls_min(2000);
  upstream->mutable_keepalive()->mutable_interval()->set_nanos(1);
  config.mutable_compression()->set_level(10);
  config.mutable_caching()->set_keep_bytes_max(1);
  config.mutable_caching()->add_rules()->mutable_keep()->add_vary("Accept");
  config.mutable_caching()->add_rules()->set_selector("pkg.*");
  const std::string message(SettingsFromConfig(config).status().message());
  for (const char* field :
       {"upstreams[0].address", "limits.json_depth_max", "limits.header_timeout", "paths.health",
        "tls:", "upstreams[1].more_addresses[0]", "upstreams[1].tls", "upstreams[1].outliers.share_max_percent",
        "upstreams[1].overload.calls_min", "upstreams[1].keepalive.interval", "compression.level",
        "caching.keep_bytes_max", "caching.rules[0].selector", "caching.rules[0].keep.vary",
        "caching.rules[1].cache_control"}) {
    EXPECT_THAT(message, HasSubstr(field));
  }
}

TEST(UpstreamFlag, GroupsServicesByAddress) {
  stratus::config::v1::Gateway config;
  ASSERT_TRUE(AddUpstreamFlag("a.A=127.0.0.1:1", &config).ok());
  ASSERT_TRUE(AddUpstreamFlag("b.B=127.0.0.1:1", &config).ok());
  ASSERT_TRUE(AddUpstreamFlag("unix:/run/x.sock", &config).ok());
  ASSERT_EQ(config.upstreams_size(), 2);
  EXPECT_EQ(config.upstreams(0).services_size(), 2);
  EXPECT_EQ(config.upstreams(1).services_size(), 0);
  ASSERT_TRUE(AddUpstreamFlag("c.C=127.0.0.1:1,127.0.0.1:2", &config).ok());
  ASSERT_TRUE(AddUpstreamFlag("d.D=127.0.0.1:1,127.0.0.1:2", &config).ok());
  ASSERT_EQ(config.upstreams_size(), 3);
  EXPECT_EQ(config.upstreams(2).services_size(), 2);
  EXPECT_EQ(config.upstreams(2).more_addresses(0), "127.0.0.1:2");
  EXPECT_FALSE(AddUpstreamFlag("a.A=127.0.0.1:1,", &config).ok());
  EXPECT_FALSE(AddUpstreamFlag("=127.0.0.1:1", &config).ok());
  EXPECT_FALSE(AddUpstreamFlag("a.A=", &config).ok());
}

}  // namespace
}  // namespace stratus::gateway
