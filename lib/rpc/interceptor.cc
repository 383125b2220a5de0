#include "lib/rpc/interceptor.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "lib/core/clock.h"
#include "lib/core/random.h"
#include "lib/rpc/call_context.h"

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
                  CallObserver* observer)
      : call_(call), policy_(policy), authenticator_(authenticator), observer_(observer) {}

  static void SetMethod(CallContext* call, std::string_view method) { call->method_ = method; }

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    using Point = grpc::experimental::InterceptionHookPoints;
    if (observer_ != nullptr && batch->QueryInterceptionHookPoint(Point::PRE_SEND_STATUS)) {
      call_->code_ = static_cast<absl::StatusCode>(batch->GetSendStatus().error_code());
    }
    if (batch->QueryInterceptionHookPoint(Point::POST_RECV_INITIAL_METADATA)) return Begin(batch);
    batch->Proceed();
  }

 private:
  void Begin(grpc::experimental::InterceptorBatchMethods* batch) {
    call_->started_ = core::Clock::Real().Monotonic();
    call_->trace_ = telemetry::ContinueTrace(call_->Metadata("traceparent"), call_->Metadata("x-amzn-trace-id"));
    const std::string_view request_id = call_->Metadata("x-request-id");
    call_->request_id_ = IsRequestId(request_id) ? std::string(request_id) : core::RandomHex(16);
    if (observer_ != nullptr) observer_->OnCallStart(call_->method_);

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

  void Decide(auth::Outcome outcome) {
    call_->policy_ = authenticator_ == nullptr ? &PublicPolicy() : &policy_;
    call_->outcome_ = std::move(outcome);
  }

  CallContext* const call_;
  const auth::Policy& policy_;
  auth::Authenticator* const authenticator_;
  CallObserver* const observer_;
};

grpc::experimental::Interceptor* CallInterceptorFactory::CreateServerInterceptor(
    grpc::experimental::ServerRpcInfo* info) {
  auto* call = dynamic_cast<CallContext*>(info->server_context());
  if (call == nullptr) return nullptr;
  CallInterceptor::SetMethod(call, info->method());
  return new CallInterceptor(call, policies_->Find(info->method()), authenticator_.get(), observer_);
}

}  // namespace stratus::rpc
