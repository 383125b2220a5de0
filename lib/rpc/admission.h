// The gate between gRPC and a handler: the only way to get at a CallContext.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/server_context.h"

namespace stratus::rpc {

class CallContext;

// The call's context where the interceptor admitted it. Otherwise null, and `refusal` is what to finish the call with
// (never OK).
CallContext* Admit(grpc::CallbackServerContext* context, absl::Status* refusal);

// INTERNAL, and a log line: a handler let its call go without finishing it.
absl::Status HandlerDroppedCall();

}  // namespace stratus::rpc
