// What a worker serves: decides for each request whether it is a built-in page, a CORS preflight, a gRPC call or a REST
// call, and hands it on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/http/exchange.h"
#include "gateway/proxy/builtin_pages.h"
#include "gateway/proxy/call_pool.h"
#include "gateway/proxy/connect_call.h"
#include "gateway/proxy/environment.h"
#include "gateway/proxy/pass_through_call.h"
#include "gateway/proxy/reflection_cluster.h"
#include "gateway/proxy/stream_call.h"
#include "gateway/proxy/unary_call.h"
#include "gateway/upstream/cluster.h"
#include "lib/auth/authenticator.h"

namespace stratus::gateway::proxy {

// What all workers share.
struct ProxyOptions {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<upstream::ClusterOptions> upstreams;
  std::shared_ptr<auth::Authenticator> authenticator;  // null: every call is allowed
  std::shared_ptr<const BuiltinPages> pages;
  std::shared_ptr<const filter::Cors> cors;      // may be null
  std::shared_ptr<telemetry::CallLog> call_log;  // may be null
  std::shared_ptr<const HeaderMap> headers;
  std::shared_ptr<ReplyCacheStats> cache_stats = std::make_shared<ReplyCacheStats>();  // of one worker
  TraceSettings tracing;
  std::shared_ptr<CallStatsTable> stats;  // may be null
  CallSettings settings;
};

class ProxyService final : public http::Service {
 public:
  // `loop` outlives the service.
  ProxyService(boost::asio::io_context& loop, const ProxyOptions& options);

  // http::Service
  void OnRequest(http::Exchange* exchange) override;

  // Requests from now on see this snapshot; calls under way keep theirs. On the loop's thread.
  void SetSnapshot(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const BuiltinPages> pages);

  // See Gateway::AnnounceDrain. On the loop's thread.
  void AnnounceDrain() { environment_.draining = true; }

 private:
  void AddReflection(boost::asio::io_context& loop);
  void ServePage(http::Exchange* exchange, const PageView& page);
  void ServeOptions(http::Exchange* exchange);
  bool ServeGrpc(http::Exchange* exchange);
  bool ServeConnect(http::Exchange* exchange);
  bool ServeByName(http::Exchange* exchange);
  void ServeRest(http::Exchange* exchange);
  void Refuse(http::Exchange* exchange, int http_status, absl::StatusCode code, std::string_view message,
              std::string_view allow = {});
  void Record(const http::RequestHead& head, int http_status, absl::StatusCode code, int64_t nanos);

  upstream::TimerQueue timers_;
  Environment environment_;
  ReflectionCluster* reflection_ = nullptr;  // among the environment's clusters
  std::shared_ptr<WorkerSnapshot> snapshot_;
  std::shared_ptr<const BuiltinPages> pages_;
  CallPool<UnaryCall> unary_;
  CallPool<StreamCall> streams_;
  CallPool<PassThroughCall> pass_through_;
  CallPool<ConnectCall> connect_;
  route::Match match_;
  std::string allow_;
  // Of one refusal at a time.
  CallTrace refusal_trace_;
  std::string refusal_id_;
};

}  // namespace stratus::gateway::proxy
