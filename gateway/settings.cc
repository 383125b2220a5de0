#include "gateway/settings.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gateway/proxy/http_body.h"
#include "gateway/proxy/trusted_proxies.h"
#include "lib/core/address.h"
#include "lib/core/status.h"

namespace stratus::gateway {
namespace {

// Takes `value` over when it is set (not 0), or reports that it is out of range.
template <typename Number, typename Target>
void TakeNumber(std::string_view field, Number value, uint64_t min, uint64_t max, core::FieldViolations* violations,
                Target* target) {
  if (value == 0) return;
  if (static_cast<uint64_t>(value) < min || static_cast<uint64_t>(value) > max) {
    violations->Add(field, absl::StrCat("must be ", min, " to ", max, ", not ", value));
    return;
  }
  *target = static_cast<Target>(value);
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

bool TakeDuration(std::string_view field, bool set, const google::protobuf::Duration& value, absl::Duration min,
                  absl::Duration max, core::FieldViolations* violations, absl::Duration* target) {
  if (!set) return false;
  const absl::Duration duration = ToDuration(value);
  if (duration < min || duration > max) {
    violations->Add(field, absl::StrCat("must be ", absl::FormatDuration(min), " to ", absl::FormatDuration(max),
                                        ", not ", absl::FormatDuration(duration)));
    return false;
  }
  *target = duration;
  return true;
}

void TakeMemoryLimits(const stratus::config::v1::Limits& limits, Settings* settings,
                      core::FieldViolations* violations) {
  constexpr uint64_t kMiB = 1ull << 20;
  constexpr uint64_t kTiB = 1ull << 40;
  http::Limits& http = settings->http;
  TakeNumber("limits.memory_bytes_max", limits.memory_bytes_max(), 64 * kMiB, kTiB, violations,
             &settings->memory_bytes_max);
  TakeNumber("limits.connection_memory_bytes_max", limits.connection_memory_bytes_max(), kMiB, kTiB, violations,
             &http.connection_memory_bytes_max);
  if (limits.has_bytes_per_second_min() && limits.bytes_per_second_min() == 0) http.bytes_per_second_min = 0;
  TakeNumber("limits.bytes_per_second_min", limits.bytes_per_second_min(), 1, kMiB, violations,
             &http.bytes_per_second_min);
  TakeDuration("limits.slow_grace", limits.has_slow_grace(), limits.slow_grace(), absl::Seconds(1), absl::Hours(1),
               violations, &http.slow_grace);
}

void TakeLimits(const stratus::config::v1::Limits& limits, Settings* settings, core::FieldViolations* violations) {
  constexpr uint64_t kGiB = 1ull << 30;
  proxy::CallSettings& call = settings->call;
  http::Limits& http = settings->http;
  TakeNumber("limits.request_body_bytes_max", limits.request_body_bytes_max(), 1, kGiB, violations,
             &call.request_body_bytes_max);
  TakeNumber("limits.response_bytes_max", limits.response_bytes_max(), 1, kGiB, violations, &call.response_bytes_max);
  // JSON is longer than the wire format: twice for most messages, and far more for those that are all defaults.
  constexpr size_t kJsonTimesMax = 4;
  call.output.bytes_max = kJsonTimesMax * call.response_bytes_max;
  TakeNumber("limits.header_bytes_max", limits.header_bytes_max(), 1 << 10, 1 << 20, violations,
             &http.header_bytes_max);
  TakeNumber("limits.json_depth_max", limits.json_depth_max(), 1, 1000, violations, &call.input.depth_max);
  call.output.depth_max = call.input.depth_max;
  TakeNumber("limits.connections_max", limits.connections_max(), 1, 1 << 20, violations, &http.connections_max);
  TakeNumber("limits.streams_per_connection_max", limits.streams_per_connection_max(), 1, 1 << 16, violations,
             &http.streams_per_connection_max);
  TakeDuration("limits.header_timeout", limits.has_header_timeout(), limits.header_timeout(), absl::Milliseconds(10),
               absl::Hours(1), violations, &http.header_timeout);
  TakeDuration("limits.idle_timeout", limits.has_idle_timeout(), limits.idle_timeout(), absl::Milliseconds(10),
               absl::Hours(24), violations, &http.idle_timeout);
  TakeNumber("limits.connections_per_address_max", limits.connections_per_address_max(), 1, 1 << 20, violations,
             &http.connections_per_address_max);
  TakeMemoryLimits(limits, settings, violations);
  absl::Duration timeout;
  if (TakeDuration("limits.default_timeout", limits.has_default_timeout(), limits.default_timeout(),
                   absl::Milliseconds(1), absl::Hours(24), violations, &timeout)) {
    call.default_timeout_ns = absl::ToInt64Nanoseconds(timeout);
  }
  if (TakeDuration("limits.timeout_max", limits.has_timeout_max(), limits.timeout_max(), absl::Milliseconds(1),
                   absl::Hours(24 * 7), violations, &timeout)) {
    call.timeout_ns_max = absl::ToInt64Nanoseconds(timeout);
  }
}

void TakeHealthCheck(const std::string& field, const stratus::config::v1::HealthCheck& check,
                     upstream::HealthCheckOptions* options, core::FieldViolations* violations) {
  constexpr size_t kServiceBytesMax = 127;
  options->enabled = true;
  options->service = check.service();
  if (check.service().size() > kServiceBytesMax) violations->Add(absl::StrCat(field, ".service"), "is too long");
  TakeDuration(absl::StrCat(field, ".interval"), check.has_interval(), check.interval(), absl::Milliseconds(100),
               absl::Hours(1), violations, &options->interval);
  TakeDuration(absl::StrCat(field, ".timeout"), check.has_timeout(), check.timeout(), absl::Milliseconds(10),
               absl::Seconds(60), violations, &options->timeout);
  TakeNumber(absl::StrCat(field, ".unhealthy_threshold"), check.unhealthy_threshold(), 1, 100, violations,
             &options->unhealthy_threshold);
  TakeNumber(absl::StrCat(field, ".healthy_threshold"), check.healthy_threshold(), 1, 100, violations,
             &options->healthy_threshold);
}

void TakeOutliers(const std::string& field, const stratus::config::v1::Outliers& outliers,
                  upstream::OutlierOptions* options, core::FieldViolations* violations) {
  if (outliers.has_consecutive_failures() && outliers.consecutive_failures() == 0) options->consecutive_failures = 0;
  TakeNumber(absl::StrCat(field, ".consecutive_failures"), outliers.consecutive_failures(), 1, 1000, violations,
             &options->consecutive_failures);
  TakeDuration(absl::StrCat(field, ".ejection"), outliers.has_ejection(), outliers.ejection(), absl::Seconds(1),
               absl::Hours(1), violations, &options->ejection_min);
  TakeDuration(absl::StrCat(field, ".ejection_max"), outliers.has_ejection_max(), outliers.ejection_max(),
               absl::Seconds(1), absl::Hours(24), violations, &options->ejection_max);
  TakeNumber(absl::StrCat(field, ".share_max_percent"), outliers.share_max_percent(), 1, 100, violations,
             &options->share_max_percent);
  if (outliers.has_consecutive_timeouts() && outliers.consecutive_timeouts() == 0) options->consecutive_timeouts = 0;
  TakeNumber(absl::StrCat(field, ".consecutive_timeouts"), outliers.consecutive_timeouts(), 1, 1000, violations,
             &options->consecutive_timeouts);
  TakeDuration(absl::StrCat(field, ".timeout_min"), outliers.has_timeout_min(), outliers.timeout_min(),
               absl::Milliseconds(10), absl::Hours(1), violations, &options->timeout_min);
}

void TakeOverload(const std::string& field, const stratus::config::v1::Overload& overload,
                  upstream::AdmissionOptions* options, core::FieldViolations* violations) {
  upstream::LimitOptions& limit = options->limit;
  TakeNumber(absl::StrCat(field, ".calls_min"), overload.calls_min(), 1, 1 << 16, violations, &limit.calls_min);
  TakeNumber(absl::StrCat(field, ".calls_max"), overload.calls_max(), 1, 1 << 16, violations, &limit.calls_max);
  if (limit.calls_min > limit.calls_max) {
    violations->Add(absl::StrCat(field, ".calls_min"),
                    absl::StrCat("must not be above calls_max: ", limit.calls_min, " and ", limit.calls_max));
  }
  TakeDuration(absl::StrCat(field, ".latency_floor"), overload.has_latency_floor(), overload.latency_floor(),
               absl::Milliseconds(1), absl::Seconds(60), violations, &limit.latency_floor);
  TakeDuration(absl::StrCat(field, ".queue_wait"), overload.has_queue_wait(), overload.queue_wait(),
               absl::ZeroDuration(), absl::Seconds(60), violations, &options->queue_wait);
  TakeNumber(absl::StrCat(field, ".streams_max"), overload.streams_max(), 1, 1 << 20, violations,
             &options->streams_max);
}

void TakeKeepalive(const std::string& field, const stratus::config::v1::Keepalive& keepalive,
                   upstream::ClusterOptions* options, core::FieldViolations* violations) {
  const bool off = keepalive.has_interval() && ToDuration(keepalive.interval()) == absl::ZeroDuration();
  if (off) options->keepalive_interval = absl::ZeroDuration();
  TakeDuration(absl::StrCat(field, ".interval"), keepalive.has_interval() && !off, keepalive.interval(),
               absl::Milliseconds(100), absl::Hours(1), violations, &options->keepalive_interval);
  TakeDuration(absl::StrCat(field, ".timeout"), keepalive.has_timeout(), keepalive.timeout(), absl::Milliseconds(100),
               absl::Seconds(60), violations, &options->keepalive_timeout);
}

void TakeBalancing(const std::string& field, const stratus::config::v1::Upstream& upstream,
                   upstream::ClusterOptions* options, core::FieldViolations* violations) {
  if (upstream.balancing() == stratus::config::v1::BALANCING_LEAST_REQUEST) {
    options->balancing = upstream::Balancing::kLeastRequest;
  }
  TakeDuration(absl::StrCat(field, ".resolve_interval"), upstream.has_resolve_interval(), upstream.resolve_interval(),
               absl::Milliseconds(100), absl::Hours(1), violations, &options->resolve_interval);
  if (upstream.has_panic_percent() && upstream.panic_percent() == 0) options->panic_percent = 0;
  TakeNumber(absl::StrCat(field, ".panic_percent"), upstream.panic_percent(), 1, 100, violations,
             &options->panic_percent);
  if (upstream.has_health_check()) {
    TakeHealthCheck(absl::StrCat(field, ".health_check"), upstream.health_check(), &options->health_check, violations);
  }
  TakeOutliers(absl::StrCat(field, ".outliers"), upstream.outliers(), &options->outlier, violations);
  const auto& retries = upstream.retries();
  TakeNumber(absl::StrCat(field, ".retries.attempts_max"), retries.attempts_max(), 1, 10, violations,
             &options->retry.attempts_max);
  if (retries.has_budget_percent() && retries.budget_percent() == 0) options->retry.budget_percent = 0;
  TakeNumber(absl::StrCat(field, ".retries.budget_percent"), retries.budget_percent(), 1, 100, violations,
             &options->retry.budget_percent);
}

void TakeUpstreamTls(const std::string& field, const stratus::config::v1::UpstreamTls& tls,
                     upstream::ClusterOptions* options, core::FieldViolations* violations) {
  if (tls.cert_file().empty() != tls.key_file().empty()) {
    violations->Add(absl::StrCat(field, ".key_file"), "must be given together with cert_file");
    return;
  }
  auto context = http::TlsClientContext::Load({tls.ca_file(), tls.server_name(), {tls.cert_file(), tls.key_file()}});
  if (context.ok()) {
    options->tls = *std::move(context);
  } else {
    violations->Add(field, core::ToStd(context.status().message()));
  }
}

void TakeTls(const stratus::config::v1::Tls& tls, Settings* settings, core::FieldViolations* violations) {
  if (tls.cert_file().empty() || tls.key_file().empty()) {
    violations->Add("tls", "needs cert_file and key_file");
    return;
  }
  auto context = http::TlsServerContext::Load({tls.cert_file(), tls.key_file()});
  if (context.ok()) {
    settings->tls = *std::move(context);
  } else {
    violations->Add("tls", core::ToStd(context.status().message()));
  }
}

void TakeMoreAddresses(const std::string& field, const stratus::config::v1::Upstream& upstream,
                       upstream::ClusterOptions* options, core::FieldViolations* violations) {
  for (int i = 0; i < upstream.more_addresses_size(); ++i) {
    auto address = core::ParseAddress(upstream.more_addresses(i));
    if (address.ok()) {
      options->more_addresses.push_back(*std::move(address));
    } else {
      violations->Add(absl::StrCat(field, ".more_addresses[", i, "]"), core::ToStd(address.status().message()));
    }
  }
}

void TakeCompression(const stratus::config::v1::Compression& compression, proxy::CallSettings* call,
                     core::FieldViolations* violations) {
  TakeNumber("compression.response_bytes_min", compression.response_bytes_min(), 1, 1ull << 30, violations,
             &call->coded_bytes_min);
  if (compression.has_response_bytes_min() && compression.response_bytes_min() == 0) call->coded_bytes_min = SIZE_MAX;
  TakeNumber("compression.level", compression.level(), 1, 9, violations, &call->coding_level);
}

void TakeCaching(const stratus::config::v1::Caching& caching, Settings* settings, core::FieldViolations* violations) {
  if (caching.has_etags()) settings->call.entity_tags = caching.etags();
  TakeNumber("caching.keep_bytes_max", caching.keep_bytes_max(), 1 << 20, 64ull << 30, violations,
             &settings->call.reply_cache_bytes_max);
  for (int i = 0; i < caching.rules_size(); ++i) {
    const stratus::config::v1::Caching::Rule& rule = caching.rules(i);
    const std::string field = absl::StrCat("caching.rules[", i, "]");
    if (rule.selector().empty()) violations->Add(absl::StrCat(field, ".selector"), "must not be empty");
    const bool none = rule.cache_control().empty() && rule.has_keep();
    if (!none && !proxy::IsHeaderSafe(rule.cache_control())) {
      violations->Add(absl::StrCat(field, ".cache_control"), "must be the text of a header, such as `max-age=60`");
    }
    for (const std::string& name : rule.keep().vary()) {
      if (!proxy::IsHeaderName(name)) {
        violations->Add(absl::StrCat(field, ".keep.vary"), "must be names of headers in lower case");
      }
    }
    settings->cache_rules.push_back({rule.selector(),
                                     rule.cache_control(),
                                     rule.has_keep(),
                                     rule.keep().shared(),
                                     {rule.keep().vary().begin(), rule.keep().vary().end()}});
  }
}

void TakeUpstreams(const stratus::config::v1::Gateway& config, Settings* settings, core::FieldViolations* violations) {
  for (int i = 0; i < config.upstreams_size(); ++i) {
    const stratus::config::v1::Upstream& upstream = config.upstreams(i);
    const std::string field = absl::StrCat("upstreams[", i, "]");
    upstream::ClusterOptions options;
    auto address = core::ParseAddress(upstream.address());
    if (!address.ok()) {
      violations->Add(absl::StrCat(field, ".address"), core::ToStd(address.status().message()));
      continue;
    }
    options.address = *std::move(address);
    TakeNumber(absl::StrCat(field, ".connections"), upstream.connections(), 1, upstream::kConnectionsMax, violations,
               &options.connections);
    TakeDuration(absl::StrCat(field, ".connect_timeout"), upstream.has_connect_timeout(), upstream.connect_timeout(),
                 absl::Milliseconds(10), absl::Seconds(60), violations, &options.connect_timeout);
    TakeMoreAddresses(field, upstream, &options, violations);
    TakeBalancing(field, upstream, &options, violations);
    TakeOverload(absl::StrCat(field, ".overload"), upstream.overload(), &options.admission, violations);
    TakeKeepalive(absl::StrCat(field, ".keepalive"), upstream.keepalive(), &options, violations);
    if (upstream.has_tls()) TakeUpstreamTls(absl::StrCat(field, ".tls"), upstream.tls(), &options, violations);
    settings->upstreams.push_back(std::move(options));
    settings->upstream_services.emplace_back(upstream.services().begin(), upstream.services().end());
  }
  if (config.upstreams().empty()) violations->Add("upstreams", "at least one is needed (--upstream)");
}

void CheckTrustedProxies(const stratus::config::v1::Headers& headers, core::FieldViolations* violations) {
  for (int i = 0; i < headers.trusted_proxies_size(); ++i) {
    if (absl::Status status = proxy::TrustedProxies().Add(headers.trusted_proxies(i)); !status.ok()) {
      violations->Add(absl::StrCat("headers.trusted_proxies[", i, "]"), core::ToStd(status.message()));
    }
  }
}

void TakePath(std::string_view field, bool set, const std::string& value, core::FieldViolations* violations,
              std::string* target) {
  if (!set) return;
  if (!value.empty() && value.front() != '/') violations->Add(field, "must begin with `/`, or be empty");
  *target = value;
}

}  // namespace

absl::StatusOr<Settings> SettingsFromConfig(const stratus::config::v1::Gateway& config) {
  Settings settings;
  core::FieldViolations violations;
  TakeUpstreams(config, &settings, &violations);
  TakeLimits(config.limits(), &settings, &violations);
  if (config.has_tls()) TakeTls(config.tls(), &settings, &violations);
  TakeCompression(config.compression(), &settings.call, &violations);
  TakeCaching(config.caching(), &settings, &violations);
  CheckTrustedProxies(config.headers(), &violations);
  const auto& json = config.json();
  if (json.has_always_print_fields_with_no_presence()) {
    settings.call.output.always_print_fields_with_no_presence = json.always_print_fields_with_no_presence();
  }
  settings.call.output.preserve_proto_field_names = json.preserve_proto_field_names();
  settings.call.output.enums_as_integers = json.enums_as_integers();
  settings.call.input.ignore_unknown_fields = json.ignore_unknown_fields();
  for (const auto& rule : config.auth().rules()) settings.auth_rules.push_back({rule.selector(), rule.authorization()});
  const auto& paths = config.paths();
  TakePath("paths.health", paths.has_health(), paths.health(), &violations, &settings.paths.health);
  TakePath("paths.docs", paths.has_docs(), paths.docs(), &violations, &settings.paths.docs);
  TakePath("paths.openapi", paths.has_openapi(), paths.openapi(), &violations, &settings.paths.openapi);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return settings;
}

absl::Status AddUpstreamFlag(const std::string& flag, stratus::config::v1::Gateway* config) {
  const size_t equals = flag.find('=');
  const std::string service = equals == std::string::npos ? "" : flag.substr(0, equals);
  const std::vector<std::string> addresses =
      absl::StrSplit(equals == std::string::npos ? flag : flag.substr(equals + 1), ',');
  if (equals == 0) return core::InvalidField("--upstream", "has no service name before `=`");
  for (const std::string& address : addresses) {
    if (auto parsed = core::ParseAddress(address); !parsed.ok()) {
      return core::InvalidField("--upstream", core::ToStd(parsed.status().message()));
    }
  }
  const std::vector<std::string> more(addresses.begin() + 1, addresses.end());
  for (stratus::config::v1::Upstream& upstream : *config->mutable_upstreams()) {
    const bool same =
        upstream.address() == addresses.front() &&
        std::equal(more.begin(), more.end(), upstream.more_addresses().begin(), upstream.more_addresses().end());
    if (service.empty() || upstream.services().empty() || !same) continue;
    upstream.add_services(service);
    return absl::OkStatus();
  }
  stratus::config::v1::Upstream* upstream = config->add_upstreams();
  upstream->set_address(addresses.front());
  upstream->mutable_more_addresses()->Assign(more.begin(), more.end());
  if (!service.empty()) upstream->add_services(service);
  return absl::OkStatus();
}

}  // namespace stratus::gateway
