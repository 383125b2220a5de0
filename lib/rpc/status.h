// absl::Status on gRPC's wire: code, message, and details as google.rpc.Status in `grpc-status-details-bin`.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace stratus::rpc {

// Trailers are bounded: a message beyond 1 KiB is cut, details beyond 4 KiB are dropped. A peer refuses the whole reply
// when its trailers exceed its header limit, often 8 KiB, and the code would be lost with them.
grpc::Status ToGrpc(const absl::Status& status);

// For clients. Details that do not parse are ignored; code and message always come from the grpc::Status itself.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace stratus::rpc
