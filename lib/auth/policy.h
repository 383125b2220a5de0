// Who may call which method: read from `option (stratus.auth.v1.authorization)` in descriptors, and from configured
// rules for methods that cannot carry it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "lib/auth/principal.h"
#include "stratus/auth/v1/authorization.pb.h"

namespace stratus::auth {

struct Policy {
  enum class Kind {
    kDenied,    // neither option nor rule, or a contradictory one: PERMISSION_DENIED for everyone
    kPublic,    // no token needed, and none looked at
    kRequired,  // a verified token with one of the scopes or one of the groups
  };
  Kind kind = Kind::kDenied;
  std::vector<std::string> any_scope;
  std::vector<std::string> any_group;

  // Set membership, whole and case-sensitive.
  bool Allows(const Principal& principal) const;
};

struct Rule {
  std::string selector;  // `pkg.Service.Method`, `pkg.Service.*` or `pkg.*`
  stratus::auth::v1::Authorization authorization;
};

// Built in: grpc.health.v1.Health and grpc.reflection.v1[alpha].ServerReflection are public,
// google.longrunning.Operations needs `stratus/operations.read`, its CancelOperation `stratus/runs.cancel`.
std::vector<Rule> BuiltInRules();

class PolicyTable {
 public:
  // Compiles the table for `services`. An option beats a rule; among rules the longest matching selector wins, a
  // configured one over a built-in one of the same length. INVALID_ARGUMENT when a rule is malformed. Methods left
  // without either stay denied and are listed by denied_methods(), for a warning at load.
  static absl::StatusOr<PolicyTable> Compile(absl::Span<const google::protobuf::ServiceDescriptor* const> services,
                                             absl::Span<const Rule> configured_rules);

  // By gRPC path, `/pkg.Service/Method`. A path the table does not know is looked up among the rules, else denied.
  // The reference lives as long as the table.
  const Policy& Find(std::string_view grpc_path) const;

  const std::vector<std::string>& denied_methods() const { return denied_methods_; }
  const std::vector<std::string>& public_methods() const { return public_methods_; }

 private:
  absl::flat_hash_map<std::string, Policy> by_path_;
  std::vector<std::pair<std::string, Policy>> rules_;  // selector -> policy, longest first
  std::vector<std::string> denied_methods_;
  std::vector<std::string> public_methods_;
};

}  // namespace stratus::auth
