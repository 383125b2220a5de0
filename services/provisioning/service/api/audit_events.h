// What the API tells the audit log.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "stratus/provisioning/v1/audit.pb.h"

namespace stratus::provisioning::service {

// What a caller did. `request` gives the detail: names of the fields that it changes, policies, hashes, and no value
// that could be a secret.
v1::AuditEvent EventOf(const Caller& caller, std::string_view method, std::string_view resource,
                       const absl::Status& result, const google::protobuf::Message& request, absl::Time now);

// Whether the refusal of a change is kept: what the caller did, not what the service could not do.
bool IsRefusal(const absl::Status& status);

// For a secret that is about to be handed out: not without a record of it.
absl::Status AuditRead(const ApiParts& parts, const Caller& caller, std::string_view method,
                       const std::string& resource);

// ListAuditEvents. Blocks.
class AuditReads {
 public:
  explicit AuditReads(const ApiParts& parts) : parts_(parts) {}
  absl::StatusOr<v1::ListAuditEventsResponse> List(const Caller& caller, const v1::ListAuditEventsRequest& request);

 private:
  const ApiParts& parts_;
};

}  // namespace stratus::provisioning::service
