// Why an address cannot be listened on, in words. gRPC itself only says that it could not.
#pragma once

#include "absl/status/status.h"
#include "lib/core/address.h"

namespace stratus::rpc {

// UNAVAILABLE with the address and the reason: in use, no permission, no such host, path too long. A Unix socket's
// file that nobody listens on any more is removed; one that answers is in use.
absl::Status CheckBindable(const core::Address& address);

}  // namespace stratus::rpc
