// Calls every method of a running server, as it describes itself by reflection: the proof that no method was left open.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "grpcpp/channel.h"

namespace stratus::rpc::testing {

// For each `/pkg.Service/Method` that reflection v1 lists, the code of a call with one empty message. A call that
// answers with a message counts as kOk and is then cancelled, so that endless streams end. `authorization` goes out as
// metadata; empty: none.
absl::StatusOr<std::map<std::string, absl::StatusCode>> CallEveryMethod(const std::shared_ptr<grpc::Channel>& channel,
                                                                        std::string_view authorization);

}  // namespace stratus::rpc::testing
