#include "services/provisioning/domain/approval.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::domain {
namespace {

constexpr std::string_view kEverybody = "*";

}  // namespace

std::optional<v1::ApprovalPolicy> ParseApprovalPolicy(std::string_view text) {
  v1::ApprovalPolicy policy = v1::APPROVAL_POLICY_UNSPECIFIED;
  if (!v1::ApprovalPolicy_Parse(absl::StrCat("APPROVAL_POLICY_", core::ToAbsl(text)), &policy)) return std::nullopt;
  if (policy == v1::APPROVAL_POLICY_UNSPECIFIED) return std::nullopt;
  return policy;
}

// The numbers of the enum are in the order of strictness. One that this program does not know is the strictest.
v1::ApprovalPolicy Stricter(v1::ApprovalPolicy a, v1::ApprovalPolicy b) {
  if (!v1::ApprovalPolicy_IsValid(a) || !v1::ApprovalPolicy_IsValid(b)) return v1::APPROVAL_POLICY_MANUAL;
  return std::max(a, b);
}

bool IsLooser(v1::ApprovalPolicy policy, v1::ApprovalPolicy than) {
  return policy != than && Stricter(policy, than) != policy;
}

absl::Status ApprovalMinimums::Add(std::string_view text) {
  const size_t equals = text.rfind('=');  // a tenant may have one in its name, a policy has not
  const std::string_view tenant = text.substr(0, std::min(equals, text.size()));
  const auto policy = equals == std::string_view::npos ? std::nullopt : ParseApprovalPolicy(text.substr(equals + 1));
  if (tenant.empty() || !policy) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", core::ToAbsl(text), "` is not TENANT=POLICY, with AUTO, MANUAL_ON_DESTROY or MANUAL"));
  }
  if (!by_tenant_.emplace(tenant, *policy).second) {
    return absl::InvalidArgumentError(absl::StrCat("`", core::ToAbsl(tenant), "` has two minimums"));
  }
  return absl::OkStatus();
}

v1::ApprovalPolicy ApprovalMinimums::For(std::string_view tenant, v1::ApprovalPolicy of_module) const {
  v1::ApprovalPolicy minimum = of_module;
  for (const std::string_view name : {tenant, kEverybody}) {
    if (const auto found = by_tenant_.find(name); found != by_tenant_.end()) minimum = Stricter(minimum, found->second);
  }
  return minimum;
}

v1::ApprovalPolicy EffectivePolicy(v1::ApprovalPolicy stored, v1::ApprovalPolicy minimum) {
  if (stored == v1::APPROVAL_POLICY_UNSPECIFIED) return v1::APPROVAL_POLICY_MANUAL;
  return Stricter(stored, minimum);
}

bool WaitsForApproval(v1::ApprovalPolicy policy, bool destroys, bool deletes_stack) {
  switch (policy) {
    case v1::APPROVAL_POLICY_AUTO: return false;
    case v1::APPROVAL_POLICY_MANUAL_ON_DESTROY: return destroys || deletes_stack;
    default: return true;
  }
}

}  // namespace stratus::provisioning::domain
