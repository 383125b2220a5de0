#include "lib/rpc/admission.h"

#include "lib/core/log.h"
#include "lib/rpc/call_context.h"

namespace stratus::rpc {

CallContext* Admit(grpc::CallbackServerContext* context, absl::Status* refusal) {
  auto* call = dynamic_cast<CallContext*>(context);
  if (call == nullptr) {
    *refusal = absl::PermissionDeniedError("the call was not authorized");
    return nullptr;
  }
  *refusal = call->Admission();
  return refusal->ok() ? call : nullptr;
}

absl::Status HandlerDroppedCall() { return absl::InternalError("the method ended without an answer"); }

}  // namespace stratus::rpc
