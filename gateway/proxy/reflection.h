// Descriptors from a running server, by gRPC server reflection (v1, or v1alpha where that is all there is).
#pragma once

#include <atomic>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/upstream/cluster_options.h"
#include "google/protobuf/descriptor.pb.h"
#include "lib/core/address.h"

namespace stratus::gateway::proxy {

// Every service that the server lists, but reflection itself, with all the files it needs. Blocks up to `timeout`, or
// until `stop` (may be null) is set. UNAVAILABLE when the server cannot be reached, UNIMPLEMENTED when it offers no
// reflection, RESOURCE_EXHAUSTED when it has more than kReflectedFilesMax files, CANCELLED when stopped.
absl::StatusOr<google::protobuf::FileDescriptorSet> FetchDescriptors(const upstream::ClusterOptions& server,
                                                                     absl::Duration timeout,
                                                                     const std::atomic<bool>* stop = nullptr);
absl::StatusOr<google::protobuf::FileDescriptorSet> FetchDescriptors(const core::Address& server,
                                                                     absl::Duration timeout);

inline constexpr int kReflectedFilesMax = 10'000;

}  // namespace stratus::gateway::proxy
