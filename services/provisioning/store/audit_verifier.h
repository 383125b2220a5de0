// Whether an audit log is whole: every record as it was written, none missing, none added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

class AuditVerifier {
 public:
  // `from_start`: chains have to begin with their first record (a store's); else where the first file that is left
  // begins. Records of a tenant may come in any order, as the threads of a service write them to a file, as long as
  // what is missing in between stays bounded.
  explicit AuditVerifier(bool from_start) : from_start_(from_start) {}

  // `where` names the record's place: `audit.log:12`. DATA_LOSS names the first that is broken; then it is over.
  absl::Status Add(std::string_view line, std::string_view where);

  // What the store says of a chain's end. DATA_LOSS: the chain was cut short, or goes on past it.
  absl::Status CheckHead(std::string_view tenant, int64_t sequence, std::string_view hash) const;

  // After the last record. DATA_LOSS: a record is missing.
  absl::Status Finish() const;

  int64_t records() const { return records_; }
  size_t tenants() const { return chains_.size(); }

 private:
  struct Link {
    std::string previous;
    std::string hash;
  };
  struct Chain {
    int64_t first = 0;
    std::string first_previous;
    int64_t last = 0;
    std::string last_hash;
    std::map<int64_t, Link> waiting;  // came before those that they follow
  };
  static absl::Status Extend(const std::string& tenant, Chain* chain);

  const bool from_start_;
  int64_t records_ = 0;
  std::map<std::string, Chain, std::less<>> chains_;
};

// Reads a whole store: rows, what stands beside their lines, and heads. Services may go on adding meanwhile: it reads
// what there was when it began. The counts go to `verifier`.
absl::Status VerifyStoredAudit(Connection& connection, AuditVerifier* verifier);

}  // namespace stratus::provisioning::store
