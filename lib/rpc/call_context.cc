#include "lib/rpc/call_context.h"

#include "lib/auth/principal.h"
#include "lib/core/clock.h"
#include "lib/core/status.h"

namespace stratus::rpc {

absl::Status CallContext::Admission() const {
  if (policy_ == nullptr) return absl::PermissionDeniedError("the call was not authorized");
  return auth::ToStatus(outcome_, *policy_);
}

std::string_view CallContext::Metadata(std::string_view key) const {
  const auto& metadata = client_metadata();
  const auto found = metadata.find(grpc::string_ref(key.data(), key.size()));
  if (found == metadata.end()) return {};
  return {found->second.data(), found->second.size()};
}

grpc::CallbackServerContext* CallContextAllocator::NewCallbackServerContext() { return new CallContext; }

void CallContextAllocator::Release(grpc::CallbackServerContext* context) {
  // gRPC also releases contexts here that it made itself, for calls of methods that no service has.
  auto* call = dynamic_cast<CallContext*>(context);
  if (call == nullptr) return;
  const std::unique_ptr<CallContext> owned(call);
  if (call->method_.empty()) return;
  const absl::StatusCode code = call->IsCancelled() ? absl::StatusCode::kCancelled : call->code_;
  if (call->span_.recording()) {
    call->span_.Annotate("rpc_code", core::CodeName(code));
    if (call->outcome_.principal != nullptr) call->span_.Annotate("client_id", call->outcome_.principal->client_id);
    call->span_.SetOutcome(telemetry::OutcomeOf(code));
    call->span_.End();
  }
  if (observer_ == nullptr) return;
  observer_->OnCallDone({.method = call->method_,
                         .code = code,
                         .latency = core::Clock::Real().Monotonic() - call->started_,
                         .request_id = call->request_id_,
                         .outcome = call->outcome_,
                         .trace = call->trace_,
                         .peer = call->peer_,
                         .bytes_in = call->bytes_in_.load(std::memory_order_relaxed),
                         .bytes_out = call->bytes_out_.load(std::memory_order_relaxed)});
}

}  // namespace stratus::rpc
