// Why an address cannot be listened on, in words. gRPC itself only says that it could not.
#pragma once

#include "absl/status/status.h"
#include "lib/core/address.h"

namespace stratus::rpc {

// UNAVAILABLE with the address and the reason: in use, no permission, no such host, path too long. A Unix socket that
// nobody listens on any more counts as free (gRPC replaces the file), one that answers as in use.
absl::Status CheckBindable(const core::Address& address);

}  // namespace stratus::rpc
