// A record of the audit log as text: what the store and the file both keep, byte for byte, and what the chain is over.
//
//   {"tenant":T,"previousHash":P,"event":{...},"hash":H}
//
// H is the SHA-256, in hex, of everything before `,"hash":`; P is the H of the tenant's record before it, or
// kFirstPrevious. Whoever changes a record has to change all that come after it, and the head that the store keeps.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "stratus/provisioning/v1/audit.pb.h"

namespace stratus::provisioning::store {

inline constexpr std::string_view kFirstPrevious = "0000000000000000000000000000000000000000000000000000000000000000";

struct AuditRecord {
  std::string tenant;
  std::string previous_hash;
  std::string hash;
  v1::AuditEvent event;  // name and hash filled in
};

// One line without its end. `event` has its sequence; name and hash are left out of the text.
std::string MakeAuditLine(std::string_view tenant, std::string_view previous_hash, v1::AuditEvent event);

// DATA_LOSS: the line is not one of ours, or its hash is not that of its text.
absl::StatusOr<AuditRecord> ReadAuditLine(std::string_view line);

}  // namespace stratus::provisioning::store
