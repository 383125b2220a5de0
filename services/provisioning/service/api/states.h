// State versions: listing, downloading, rolling back. All block.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "google/api/httpbody.pb.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "stratus/provisioning/v1/provisioning.pb.h"

namespace stratus::provisioning::service {

class States {
 public:
  explicit States(const ApiParts& parts) : parts_(parts) {}

  absl::StatusOr<v1::ListStateVersionsResponse> List(const Caller& caller, const v1::ListStateVersionsRequest& request);
  absl::StatusOr<v1::StateVersion> Get(const Caller& caller, const v1::GetStateVersionRequest& request);
  // Keeps who has it in the audit log.
  absl::StatusOr<google::api::HttpBody> Download(const Caller& caller, const v1::DownloadStateRequest& request);
  absl::StatusOr<v1::StateVersion> RollBack(const Caller& caller, const v1::RollBackStateRequest& request);

 private:
  struct Found {
    store::StackRow stack;
    store::StateVersionRow version;
  };
  absl::StatusOr<Found> Find(const Caller& caller, const std::string& name);

  const ApiParts& parts_;
};

// The state's text with another serial; all else stays byte for byte, so that no number loses a digit.
// INVALID_ARGUMENT: it has no `serial` at its top.
absl::StatusOr<std::string> WithSerial(std::string_view state, int64_t serial);

}  // namespace stratus::provisioning::service
