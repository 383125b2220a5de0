#include "lib/rpc/interceptor.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "lib/core/clock.h"
#include "lib/core/random.h"
#include "lib/rpc/call_context.h"
#include "lib/telemetry/tracer.h"

namespace stratus::rpc {
namespace {

constexpr size_t kRequestIdBytesMax = 128;

bool IsRequestId(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdBytesMax && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

const auth::Policy& PublicPolicy() {
  static const auth::Policy policy{.kind = auth::Policy::Kind::kPublic, .any_scope = {}, .any_group = {}};
  return policy;
}

using AuthorizationValues = absl::InlinedVector<std::string_view, 2>;

// Every value: two of them are the caller's mistake, or an attempt, and never something to choose from.
AuthorizationValues AuthorizationOf(const grpc::ServerContextBase& context) {
  AuthorizationValues values;
  const auto [begin, end] = context.client_metadata().equal_range("authorization");
  for (auto it = begin; it != end; ++it) values.emplace_back(it->second.data(), it->second.size());
  return values;
}

}  // namespace

class CallInterceptor final : public grpc::experimental::Interceptor {
 public:
  CallInterceptor(CallContext* call, const auth::Policy& policy, auth::Authenticator* authenticator,
                  CallObserver* observer, const telemetry::Tracer* tracer)
      : call_(call), policy_(policy), authenticator_(authenticator), observer_(observer), tracer_(tracer) {}

  static void SetMethod(CallContext* call, std::string_view method) { call->method_ = method; }

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    using Point = grpc::experimental::InterceptionHookPoints;
    const bool heard = observer_ != nullptr || call_->span_.recording();
    if (heard && batch->QueryInterceptionHookPoint(Point::PRE_SEND_STATUS)) {
      const grpc::Status status = batch->GetSendStatus();
      call_->code_ = static_cast<absl::StatusCode>(status.error_code());
      if (!status.ok()) call_->span_.SetStatus(absl::Status(call_->code_, status.error_message()));
    }
    if (batch->QueryInterceptionHookPoint(Point::POST_RECV_INITIAL_METADATA)) return Begin(batch);
    batch->Proceed();
  }

 private:
  void Begin(grpc::experimental::InterceptorBatchMethods* batch) {
    call_->started_ = core::Clock::Real().Monotonic();
    call_->trace_ = telemetry::ContinueTrace(call_->Metadata("traceparent"), call_->Metadata("x-amzn-trace-id"));
    StartSpan();
    const std::string_view request_id = call_->Metadata("x-request-id");
    call_->request_id_ = IsRequestId(request_id) ? std::string(request_id) : core::RandomHex(16);
    if (observer_ != nullptr) {
      call_->peer_ = call_->peer();  // gRPC has forgotten it by the end
      observer_->OnCallStart(call_->method_);
    }

    if (authenticator_ == nullptr) {
      Decide({.result = auth::Outcome::Class::kAllowed, .principal = nullptr});
      return batch->Proceed();
    }
    const AuthorizationValues values = AuthorizationOf(*call_);
    auth::Outcome outcome = authenticator_->Check(values, policy_);
    if (!outcome.pending()) {
      Decide(std::move(outcome));
      return batch->Proceed();
    }
    // The call waits here without a thread. gRPC keeps the batch, this object and the metadata until Proceed().
    authenticator_->CheckLater(values, policy_, [this, batch](auth::Outcome later) {
      Decide(std::move(later));
      batch->Proceed();
    });
  }

  // Probes and reflection would only be noise between the traces of calls.
  void StartSpan() {
    if (tracer_ == nullptr || call_->method_.starts_with("/grpc.")) return;
    call_->span_ = tracer_->StartSegment(&call_->trace_, {.http_method = "POST", .url_path = call_->method_});
    if (!call_->span_.recording()) return;
    call_->span_.SetHttpRequest("POST", call_->method_);
    const std::string_view user_agent = call_->Metadata("x-user-agent");
    call_->span_.SetHttpPeer("", false, user_agent.empty() ? call_->Metadata("user-agent") : user_agent);
  }

  void Decide(auth::Outcome outcome) {
    call_->policy_ = authenticator_ == nullptr ? &PublicPolicy() : &policy_;
    call_->outcome_ = std::move(outcome);
  }

  CallContext* const call_;
  const auth::Policy& policy_;
  auth::Authenticator* const authenticator_;
  CallObserver* const observer_;
  const telemetry::Tracer* const tracer_;
};

grpc::experimental::Interceptor* CallInterceptorFactory::CreateServerInterceptor(
    grpc::experimental::ServerRpcInfo* info) {
  auto* call = dynamic_cast<CallContext*>(info->server_context());
  if (call == nullptr) return nullptr;
  CallInterceptor::SetMethod(call, info->method());
  return new CallInterceptor(call, policies_->Find(info->method()), authenticator_.get(), observer_, tracer_);
}

}  // namespace stratus::rpc
