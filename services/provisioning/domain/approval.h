// Which runs wait for a person. Pure; docs/adr/0012 says why.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::domain {

// `AUTO`, `MANUAL_ON_DESTROY` or `MANUAL`, as operators write it; nullopt: none of them.
std::optional<v1::ApprovalPolicy> ParseApprovalPolicy(std::string_view text);

// The stricter of two. UNSPECIFIED is the least strict.
v1::ApprovalPolicy Stricter(v1::ApprovalPolicy a, v1::ApprovalPolicy b);
bool IsLooser(v1::ApprovalPolicy policy, v1::ApprovalPolicy than);

// What an operator lets no stack go below, by tenant; `*` is every tenant.
class ApprovalMinimums {
 public:
  // Adds `TENANT=POLICY`. INVALID_ARGUMENT: it is not of that form, or the tenant has one.
  absl::Status Add(std::string_view text);

  // The stricter of the tenant's, everybody's and the module's. UNSPECIFIED: there is none.
  v1::ApprovalPolicy For(std::string_view tenant, v1::ApprovalPolicy of_module) const;

 private:
  std::map<std::string, v1::ApprovalPolicy, std::less<>> by_tenant_;
};

// What a stored policy counts as. A row without one was written by a program that did not know policies: MANUAL.
v1::ApprovalPolicy EffectivePolicy(v1::ApprovalPolicy stored, v1::ApprovalPolicy minimum);

// Whether the engine plans first, so that a person, or a look at the plan, may stop it.
inline bool PlansFirst(v1::ApprovalPolicy policy) { return policy != v1::APPROVAL_POLICY_AUTO; }

// Whether a finished plan waits. `destroys`: it destroys or replaces something. `deletes_stack`: the stack goes with
// the run, and whoever made it anew could choose another policy.
bool WaitsForApproval(v1::ApprovalPolicy policy, bool destroys, bool deletes_stack);

}  // namespace stratus::provisioning::domain
