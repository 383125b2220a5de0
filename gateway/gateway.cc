#include "gateway/gateway.h"

#include <utility>

#include "gateway/http/worker.h"
#include "gateway/pages.h"
#include "gateway/proxy/proxy_service.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::gateway {

struct Gateway::Impl {
  std::shared_ptr<auth::Authenticator> authenticator;
  std::shared_ptr<proxy::CallStatsTable> stats = std::make_shared<proxy::CallStatsTable>();
  std::vector<std::unique_ptr<http::Worker>> workers;
};

namespace {

absl::StatusOr<std::shared_ptr<const proxy::Snapshot>> BuildSnapshot(GatewayOptions* options,
                                                                     const Settings& settings) {
  proxy::SnapshotOptions snapshot;
  snapshot.descriptors = std::move(options->descriptors);
  snapshot.auth_rules = settings.auth_rules;
  snapshot.upstreams = settings.upstream_services;
  auto built = proxy::Snapshot::Build(std::move(snapshot));
  if (!built.ok()) return built.status();
  if (options->authenticator != nullptr) {
    for (const std::string& method : (*built)->policies().denied_methods()) {
      core::Log(core::Severity::kWarning, "method has no authorization option or rule: every call is denied",
                {{"method", method}});
    }
  }
  return built;
}

absl::StatusOr<proxy::ProxyOptions> MakeProxyOptions(GatewayOptions* options, const Settings& settings) {
  proxy::ProxyOptions proxy;
  auto snapshot = BuildSnapshot(options, settings);
  if (!snapshot.ok()) return snapshot.status();
  proxy.snapshot = *std::move(snapshot);
  PagesOptions pages;
  pages.paths = settings.paths;
  pages.title = options->title;
  pages.docs_dir = options->docs_dir;
  pages.token_url = options->token_url;
  pages.openapi_overlay = options->openapi_overlay;
  pages.auth = options->authenticator != nullptr;
  pages.output = settings.call.output;
  auto built_pages = Pages::Create(pages, proxy.snapshot);
  if (!built_pages.ok()) return built_pages.status();
  proxy.pages = *std::move(built_pages);
  if (options->config.has_cors()) {
    auto cors = filter::Cors::Create(options->config.cors());
    if (!cors.ok()) return cors.status();
    proxy.cors = *std::move(cors);
  }
  if (options->access_log_fd >= 0) proxy.access_log = std::make_shared<filter::AccessLog>(options->access_log_fd);
  proxy.upstreams = settings.upstreams;
  proxy.authenticator = options->authenticator;
  proxy.headers = std::make_shared<proxy::HeaderMap>(options->config.headers());
  proxy.tracing = options->tracing;
  proxy.settings = settings.call;
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
    {"stratus_gateway_connections_refused_total", "Client connections over the limit", false,
     &http::ListenerStats::connections_refused},
    {"stratus_gateway_connections_open", "Client connections open now", true, &http::ListenerStats::connections_open},
    {"stratus_gateway_requests_total", "Requests received", false, &http::ListenerStats::requests},
    {"stratus_gateway_requests_malformed_total", "Requests refused by the connection itself", false,
     &http::ListenerStats::requests_malformed},
    {"stratus_gateway_exchanges_aborted_total", "Requests whose client went away", false,
     &http::ListenerStats::exchanges_aborted},
};

}  // namespace

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gateway::~Gateway() = default;

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(GatewayOptions options) {
  const auto settings = SettingsFromConfig(options.config);
  if (!settings.ok()) return settings.status();
  auto proxy = MakeProxyOptions(&options, *settings);
  if (!proxy.ok()) return proxy.status();
  auto impl = std::make_unique<Impl>();
  impl->authenticator = options.authenticator;
  proxy->stats = impl->stats;
  auto workers =
      http::StartWorkers(options.listen, options.threads, settings->http,
                         [&proxy](boost::asio::io_context& loop) -> absl::StatusOr<std::unique_ptr<http::Service>> {
                           return std::make_unique<proxy::ProxyService>(loop, *proxy);
                         });
  if (!workers.ok()) return workers.status();
  impl->workers = *std::move(workers);
  return std::unique_ptr<Gateway>(new Gateway(std::move(impl)));
}

core::Address Gateway::address() const { return impl_->workers.front()->address(); }

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
}

}  // namespace stratus::gateway
