#include "gateway/proxy/proxy_service.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/proxy/connect.h"
#include "gateway/proxy/error_reply.h"
#include "gateway/proxy/request_id.h"
#include "gateway/upstream/grpc_wire.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

google::rpc::Status MakeError(absl::StatusCode code, std::string_view message) {
  google::rpc::Status error;
  error.set_code(static_cast<int>(code));
  error.set_message(std::string(message));
  return error;
}

// Requests that carry a body nobody is going to read still need someone to hear of it.
class Nobody final : public http::Handler {
 public:
  void OnBody(std::string_view) override {}
  void OnBodyEnd() override {}
  void OnAbort() override {}
  void OnDrained() override {}
};
Nobody nobody;

// A smaller page costs less copied than sent on its own.
constexpr size_t kSharedBytesMin = 16 << 10;

std::string_view Printable(std::string_view path) { return path.substr(0, 200); }

telemetry::CallLine LineFor(const http::RequestHead& head, const HeaderMap& headers) {
  telemetry::CallLine line;
  line.time = absl::Now();
  line.service = kService;
  line.request_id = head.Find("x-request-id");
  line.peer = headers.ClientOf(head);
  line.protocol = ProtocolName(head.protocol);
  line.http_method = head.method;
  line.path = head.path;
  return line;
}

}  // namespace

ProxyService::ProxyService(boost::asio::io_context& loop, const ProxyOptions& options)
    : timers_(loop), snapshot_(std::make_shared<WorkerSnapshot>(options.snapshot)), pages_(options.pages) {
  environment_.timers = &timers_;
  for (const upstream::ClusterOptions& upstream : options.upstreams) {
    environment_.clusters.push_back(upstream::MakeCluster(loop, &timers_, upstream));
    environment_.upstream_names.push_back(upstream.address.ToString());
    environment_.authorities.push_back(upstream.address.is_unix() ? "localhost" : upstream.address.ToString());
  }
  AddReflection(loop);
  reflection_->SetSnapshot(options.snapshot);
  environment_.auth = std::make_unique<filter::AuthFilter>(loop, options.authenticator);
  environment_.cors = options.cors;
  environment_.call_log = options.call_log;
  environment_.headers = options.headers;
  environment_.tracing = options.tracing;
  environment_.tracing.headers = options.headers.get();
  if (options.stats != nullptr) environment_.stats = options.stats->AddWorker();
  environment_.settings = options.settings;
  environment_.cache =
      std::make_unique<ReplyCache>(&timers_, options.settings.reply_cache_bytes_max, options.cache_stats);
}

void ProxyService::AddReflection(boost::asio::io_context& loop) {
  auto own = std::make_unique<ReflectionCluster>(loop, &timers_);
  reflection_ = own.get();
  environment_.reflection = environment_.clusters.size();
  environment_.clusters.push_back(std::move(own));
  environment_.upstream_names.push_back("gateway");
  environment_.authorities.push_back("localhost");
}

void ProxyService::SetSnapshot(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const BuiltinPages> pages) {
  reflection_->SetSnapshot(snapshot);
  snapshot_ = std::make_shared<WorkerSnapshot>(std::move(snapshot));
  environment_.cache->Clear();
  pages_ = std::move(pages);
}

void ProxyService::OnRequest(http::Exchange* exchange) {
  const http::RequestHead& head = exchange->request();
  if (std::optional<PageView> page = pages_->Find(head)) {
    if (page->health_check && environment_.draining) {
      page->status = 503;
      page->body = R"({"status":"draining"})";
    }
    ServePage(exchange, *page);
    return;
  }
  if (head.method == "POST" && (ServeGrpc(exchange) || ServeConnect(exchange))) return;
  if (head.method == "OPTIONS") {
    ServeOptions(exchange);
    return;
  }
  ServeRest(exchange);
}

// False when the request is neither gRPC nor gRPC-Web.
bool ProxyService::ServeGrpc(http::Exchange* exchange) {
  const http::RequestHead& head = exchange->request();
  const std::string_view type = head.Find("content-type");
  const WebForm web = WebFormOf(type);
  if (web == WebForm::kNone && !upstream::IsGrpcContentType(type)) return false;
  if (web == WebForm::kNone && head.protocol != http::Protocol::kHttp2) {
    Refuse(exchange, 415, absl::StatusCode::kInvalidArgument, "gRPC needs HTTP/2; gRPC-Web does not");
  } else {
    pass_through_.Take(&environment_)->Start(exchange, snapshot_, web);
  }
  return true;
}

// A POST that says by its headers that it is a Connect call; false for any other.
bool ProxyService::ServeConnect(http::Exchange* exchange) {
  const http::RequestHead& head = exchange->request();
  const std::optional<ConnectForm> form = ConnectFormOf(head.Find("content-type"));
  if (!form.has_value() || (!form->streaming && head.Find("connect-protocol-version").empty())) return false;
  const Method* method = (*snapshot_)->FindMethod(head.path);
  if (method == nullptr) return false;
  connect_.Take(&environment_)->Start(exchange, snapshot_, *method, *form);
  return true;
}

// What no template holds but names a method: a unary Connect call need not say more, as from curl. False when it is
// none.
bool ProxyService::ServeByName(http::Exchange* exchange) {
  const http::RequestHead& head = exchange->request();
  const bool get = head.method == "GET" && IsConnectGet(head.query);
  if (!get && head.method != "POST") return false;
  const Method* method = (*snapshot_)->FindMethod(head.path);
  if (method == nullptr) return false;
  using Options = google::protobuf::MethodOptions;
  if (get && method->descriptor->options().idempotency_level() != Options::NO_SIDE_EFFECTS) return false;
  const std::optional<ConnectForm> form = get ? ConnectForm() : ConnectFormOf(head.Find("content-type"));
  if (form.has_value()) {
    connect_.Take(&environment_)->Start(exchange, snapshot_, *method, *form);
  } else {
    Refuse(exchange, 415, absl::StatusCode::kInvalidArgument,
           "a method called by its name takes application/json or application/proto");
  }
  return true;
}

void ProxyService::ServeRest(http::Exchange* exchange) {
  const http::RequestHead& head = exchange->request();
  match_.captures.clear();
  switch ((*snapshot_)->router().Find(head.method, head.path, &match_, &allow_)) {
    case route::Outcome::kFound: break;
    case route::Outcome::kNoSuchPath:
      if (ServeByName(exchange)) return;
      Refuse(exchange, 404, absl::StatusCode::kNotFound,
             absl::StrCat("there is nothing at ", core::ToAbsl(Printable(head.path))));
      return;
    case route::Outcome::kWrongMethod:
      if (ServeByName(exchange)) return;
      Refuse(exchange, 405, absl::StatusCode::kUnimplemented,
             absl::StrCat(core::ToAbsl(Printable(head.method)), " is not possible here; allowed: ", allow_), allow_);
      return;
  }
  const Method& method = *(*snapshot_)->route(match_.route).method;
  if (method.server_streaming) {
    streams_.Take(&environment_)->Start(exchange, snapshot_, match_);
  } else {
    unary_.Take(&environment_)->Start(exchange, snapshot_, match_);
  }
}

void ProxyService::ServeOptions(http::Exchange* exchange) {
  const http::RequestHead& head = exchange->request();
  match_.captures.clear();
  std::string allow;
  const route::Outcome outcome = (*snapshot_)->router().Find(head.method, head.path, &match_, &allow);
  const bool preflight = environment_.cors != nullptr && filter::Cors::IsPreflight(head);
  if (outcome == route::Outcome::kFound && !preflight) {
    ServeRest(exchange);
    return;
  }
  // A browser asks before a gRPC-Web call too, whose path no template holds.
  const bool grpc_path = (*snapshot_)->FindMethod(head.path) != nullptr || IsReflectionPath(head.path);
  if (outcome == route::Outcome::kNoSuchPath && !grpc_path) {
    Refuse(exchange, 404, absl::StatusCode::kNotFound,
           absl::StrCat("there is nothing at ", core::ToAbsl(Printable(head.path))));
    return;
  }
  if (allow.empty()) allow = "POST, OPTIONS";
  if (!absl::StrContains(allow, "OPTIONS")) absl::StrAppend(&allow, ", OPTIONS");
  HeaderList headers = {{"allow", allow}};
  if (preflight) environment_.cors->AppendPreflight(head, allow, &headers);
  exchange->SetHandler(&nobody);
  if (environment_.call_log != nullptr) {
    telemetry::CallLine line = LineFor(head, *environment_.headers);
    line.http_status = 204;
    environment_.call_log->Write(line);
  }
  exchange->StartBody(204, headers);
  exchange->FinishBody();
}

void ProxyService::ServePage(http::Exchange* exchange, const PageView& page) {
  const http::RequestHead& head = exchange->request();
  if (head.method != "GET" && head.method != "HEAD") {
    Refuse(exchange, 405, absl::StatusCode::kUnimplemented, "this page can only be read", "GET, HEAD");
    return;
  }
  HeaderList headers(page.headers.begin(), page.headers.end());
  if (environment_.cors != nullptr) environment_.cors->Append(head, &headers);
  exchange->SetHandler(&nobody);
  if (environment_.call_log != nullptr) {
    telemetry::CallLine line = LineFor(head, *environment_.headers);
    line.http_status = page.status;
    line.bytes_out = page.body.size();
    line.health_check = page.health_check;
    environment_.call_log->Write(line);
  }
  if (page.body.size() >= kSharedBytesMin) {
    exchange->SendShared(page.status, headers, pages_, page.body);
  } else {
    exchange->StartBody(page.status, headers).Append(page.body);
    exchange->FinishBody();
  }
}

// What no method is there for is a call all the same: who is on call has to see a storm of it.
void ProxyService::Refuse(http::Exchange* exchange, int http_status, absl::StatusCode code, std::string_view message,
                          std::string_view allow) {
  const int64_t started_ns = upstream::TimerQueue::Now();
  const http::RequestHead& head = exchange->request();
  refusal_trace_.Begin(environment_.tracing, head);
  SetRequestId(head, environment_.random, &refusal_id_);
  HeaderList headers = {{"x-request-id", refusal_id_}};
  if (!allow.empty()) headers.push_back({"allow", allow});
  refusal_trace_.AppendResponseHeaders(&headers);
  if (environment_.cors != nullptr) environment_.cors->Append(head, &headers);
  exchange->SetHandler(&nobody);
  Record(head, http_status, code, upstream::TimerQueue::Now() - started_ns);
  ReplyError(exchange, http_status, MakeError(code, message), (*snapshot_)->schema(), environment_.settings.output,
             std::move(headers));
}

void ProxyService::Record(const http::RequestHead& head, int http_status, absl::StatusCode code, int64_t nanos) {
  refusal_trace_.End(http_status, code, 0, kUnmatched, {});
  if (environment_.stats != nullptr) environment_.stats->Add(kUnmatched, code, nanos);
  if (environment_.call_log == nullptr) return;
  telemetry::CallLine line = LineFor(head, *environment_.headers);
  line.request_id = refusal_id_;
  line.trace_id = refusal_trace_.trace_id();
  line.http_status = http_status;
  line.code = code;
  line.duration = absl::Nanoseconds(nanos);
  environment_.call_log->Write(line);
}

}  // namespace stratus::gateway::proxy
