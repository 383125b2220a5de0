#include "gateway/gateway.h"

#include <algorithm>
#include <utility>

#include "boost/asio/post.hpp"
#include "gateway/api_builder.h"
#include "gateway/http/connection.h"
#include "gateway/http/worker.h"
#include "gateway/loop/memory_budget.h"
#include "gateway/memory_limit.h"
#include "gateway/pages.h"
#include "gateway/proxy/proxy_service.h"
#include "gateway/upstream_metrics.h"
#include "lib/core/descriptor_limit.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::gateway {

struct Gateway::Impl {
  std::shared_ptr<auth::Authenticator> authenticator;
  ApiBuilder api;
  UpstreamMetrics upstreams;
  std::vector<proxy::ProxyService*> services;                        // by worker
  std::vector<std::shared_ptr<proxy::ReplyCacheStats>> cache_stats;  // by worker
  std::shared_ptr<proxy::CallStatsTable> stats = std::make_shared<proxy::CallStatsTable>();
  std::vector<std::unique_ptr<http::Worker>> workers;
};

namespace {

ApiBuilder MakeApiBuilder(const GatewayOptions& options, const Settings& settings) {
  ApiBuilder builder;
  builder.auth_rules = settings.auth_rules;
  builder.cache_rules = settings.cache_rules;
  builder.upstream_services = settings.upstream_services;
  builder.pages.paths = settings.paths;
  builder.pages.title = options.title;
  builder.pages.docs_dir = options.docs_dir;
  builder.pages.token_url = options.token_url;
  builder.pages.openapi_overlay = options.openapi_overlay;
  builder.pages.auth = options.authenticator != nullptr;
  builder.pages.output = settings.call.output;
  return builder;
}

absl::StatusOr<proxy::ProxyOptions> MakeProxyOptions(GatewayOptions* options, const Settings& settings,
                                                     const ApiBuilder& builder) {
  proxy::ProxyOptions proxy;
  auto api = builder.Build(std::move(options->descriptors));
  if (!api.ok()) return api.status();
  proxy.snapshot = std::move(api->snapshot);
  proxy.pages = std::move(api->pages);
  if (options->config.has_cors()) {
    auto cors = filter::Cors::Create(options->config.cors());
    if (!cors.ok()) return cors.status();
    proxy.cors = *std::move(cors);
  }
  proxy.call_log = options->call_log;
  proxy.upstreams = settings.upstreams;
  proxy.authenticator = options->authenticator;
  proxy.headers = std::make_shared<proxy::HeaderMap>(options->config.headers());
  proxy.tracing = options->tracing;
  proxy.settings = settings.call;
  proxy.settings.reply_cache_bytes_max /= static_cast<size_t>(std::max(options->threads, 1));
  return proxy;
}

struct Counter {
  const char* name;
  const char* help;
  bool is_gauge;
  std::atomic<uint64_t> http::ListenerStats::*value;
};
constexpr Counter kCounters[] = {
    {"stratus_gateway_connections_accepted_total", "Client connections accepted", false,
     &http::ListenerStats::connections_accepted},
    {"stratus_gateway_connections_refused_total", "Client connections over the limit, while none was idle", false,
     &http::ListenerStats::connections_refused},
    {"stratus_gateway_connections_refused_address_total", "Client connections over the limit of one address", false,
     &http::ListenerStats::connections_refused_address},
    {"stratus_gateway_connections_idle_closed_total", "Idle client connections closed to make room for new ones", false,
     &http::ListenerStats::connections_idle_closed},
    {"stratus_gateway_connections_memory_closed_total", "Client connections closed because memory was short", false,
     &http::ListenerStats::connections_memory_closed},
    {"stratus_gateway_connections_flooded_total",
     "Client connections ended because they sent too much that costs a client nothing", false,
     &http::ListenerStats::connections_flooded},
    {"stratus_gateway_memory_refused_total", "Times that a call asked for memory and there was no room", false,
     &http::ListenerStats::memory_refused},
    {"stratus_gateway_slow_bodies_total", "Requests ended because their body came too slowly", false,
     &http::ListenerStats::slow_bodies},
    {"stratus_gateway_slow_readers_total", "Replies cut because the client took them too slowly", false,
     &http::ListenerStats::slow_readers},
    {"stratus_gateway_connections_open", "Client connections open now", true, &http::ListenerStats::connections_open},
    {"stratus_gateway_requests_total", "Requests received", false, &http::ListenerStats::requests},
    {"stratus_gateway_requests_malformed_total", "Requests refused by the connection itself", false,
     &http::ListenerStats::requests_malformed},
    {"stratus_gateway_tls_handshakes_failed_total", "TLS handshakes with clients that failed, or that clients gave up",
     false, &http::ListenerStats::tls_handshakes_failed},
    {"stratus_gateway_exchanges_aborted_total", "Requests whose client went away", false,
     &http::ListenerStats::exchanges_aborted},
};

// What does not go to clients: upstream connections, files, and the admin port, which must be there when nothing else
// is.
constexpr uint64_t kDescriptorsKept = 512;

// Bounds by what the system has, where the configuration has more or nothing.
void FitToSystem(Settings* settings) {
  MemoryBudget::Set(settings->memory_bytes_max != 0 ? settings->memory_bytes_max : DefaultMemoryBudget());
  const uint64_t descriptors = core::DescriptorLimit();
  const uint64_t by_descriptors = descriptors - std::min(kDescriptorsKept, descriptors / 4);
  // Connections that only stand there, and replies that are only kept, leave the budget to the calls.
  const uint64_t by_memory = MemoryBudget::bytes() / 2 / http::Connection::OwnBytes(settings->tls != nullptr);
  const uint64_t most = std::min(by_descriptors, by_memory);
  settings->http.connections_max = static_cast<uint32_t>(std::min<uint64_t>(settings->http.connections_max, most));
  settings->call.reply_cache_bytes_max = std::min(settings->call.reply_cache_bytes_max, MemoryBudget::bytes() / 4);
}

}  // namespace

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gateway::~Gateway() = default;

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(GatewayOptions options) {
  auto settings = SettingsFromConfig(options.config);
  if (!settings.ok()) return settings.status();
  FitToSystem(&*settings);
  auto impl = std::make_unique<Impl>();
  impl->api = MakeApiBuilder(options, *settings);
  auto proxy = MakeProxyOptions(&options, *settings, impl->api);
  if (!proxy.ok()) return proxy.status();
  impl->authenticator = options.authenticator;
  proxy->stats = impl->stats;
  auto workers = http::StartWorkers(
      options.listen, options.threads, settings->http,
      [&](boost::asio::io_context& loop) -> absl::StatusOr<std::unique_ptr<http::Service>> {
        proxy::ProxyOptions own = *proxy;
        own.upstreams = impl->upstreams.ForWorker(std::move(own.upstreams));
        own.cache_stats = impl->cache_stats.emplace_back(std::make_shared<proxy::ReplyCacheStats>());
        auto service = std::make_unique<proxy::ProxyService>(loop, own);
        impl->services.push_back(service.get());
        return service;
      },
      settings->tls,
      std::make_shared<http::ConnectionQuota>(
          settings->http, [headers = proxy->headers](std::string_view peer) { return headers->TrustsPeer(peer); }));
  if (!workers.ok()) return workers.status();
  impl->workers = *std::move(workers);
  return std::unique_ptr<Gateway>(new Gateway(std::move(impl)));
}

core::Address Gateway::address() const { return impl_->workers.front()->address(); }

absl::Status Gateway::Reload(google::protobuf::FileDescriptorSet descriptors) {
  auto api = impl_->api.Build(std::move(descriptors));
  if (!api.ok()) return api.status();
  for (size_t i = 0; i < impl_->workers.size(); ++i) {
    // A worker that has ended runs nothing any more, so its service is not touched.
    boost::asio::post(impl_->workers[i]->loop(),
                      [service = impl_->services[i], api = *api] { service->SetSnapshot(api.snapshot, api.pages); });
  }
  return absl::OkStatus();
}

void Gateway::AnnounceDrain() {
  for (size_t i = 0; i < impl_->workers.size(); ++i) {
    boost::asio::post(impl_->workers[i]->loop(), [service = impl_->services[i]] { service->AnnounceDrain(); });
  }
}

void Gateway::Drain(absl::Duration deadline) { http::DrainWorkers(impl_->workers, deadline); }

void Gateway::WriteMetrics(telemetry::Snapshot& out) const {
  impl_->stats->Write(out);
  for (const Counter& counter : kCounters) {
    uint64_t sum = 0;
    for (const auto& worker : impl_->workers) sum += (worker->stats().*counter.value).load(std::memory_order_relaxed);
    if (counter.is_gauge) {
      out.Gauge(counter.name, counter.help, static_cast<double>(sum));
    } else {
      out.Counter(counter.name, counter.help, static_cast<double>(sum));
    }
  }
  uint64_t kept_bytes = 0;
  for (const auto& worker : impl_->workers) kept_bytes += worker->kept_bytes();
  out.Gauge("stratus_gateway_kept_buffer_bytes", "Memory of large buffers that is kept for the next ones",
            static_cast<double>(kept_bytes));
  out.Gauge("stratus_gateway_memory_bytes", "Memory that buffers hold", static_cast<double>(MemoryBudget::used()));
  out.Gauge("stratus_gateway_memory_budget_bytes", "What they may hold", static_cast<double>(MemoryBudget::bytes()));
  impl_->upstreams.Write(out);
  proxy::WriteReplyCacheMetrics(impl_->cache_stats, out);
}

}  // namespace stratus::gateway
