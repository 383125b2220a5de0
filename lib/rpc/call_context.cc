#include "lib/rpc/call_context.h"

#include "lib/core/clock.h"

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
  if (observer_ == nullptr || call->method_.empty()) return;
  const absl::StatusCode code = call->IsCancelled() ? absl::StatusCode::kCancelled : call->code_;
  observer_->OnCallDone({.method = call->method_,
                         .code = code,
                         .latency = core::Clock::Real().Monotonic() - call->started_,
                         .request_id = call->request_id_,
                         .outcome = call->outcome_,
                         .trace = call->trace_});
}

}  // namespace stratus::rpc
