// Descriptors from a running server, by gRPC server reflection (v1, or v1alpha where that is all there is).
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.pb.h"
#include "lib/core/address.h"

namespace stratus::gateway::proxy {

// Every service that the server lists, but reflection itself, with all the files it needs. Blocks up to `timeout`.
// UNAVAILABLE when the server cannot be reached, UNIMPLEMENTED when it offers no reflection, RESOURCE_EXHAUSTED when it
// has more than kReflectedFilesMax files.
absl::StatusOr<google::protobuf::FileDescriptorSet> FetchDescriptors(const core::Address& server,
                                                                     absl::Duration timeout);

inline constexpr int kReflectedFilesMax = 10'000;

}  // namespace stratus::gateway::proxy
