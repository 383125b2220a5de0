#include "services/provisioning/service/runtime/run_approval.h"

#include <algorithm>

#include "services/provisioning/domain/names.h"

namespace stratus::provisioning::service {

v1::ApprovalPolicy StackPolicy(const RuntimeParts& parts, const store::StackRow& stack) {
  const auto name = domain::ParseModuleName(stack.record.module());
  const auto module = parts.catalog->Find(name.value_or(stack.record.module()));
  const auto of_module = module.ok() ? (*module)->module.approval_minimum() : v1::APPROVAL_POLICY_UNSPECIFIED;
  return domain::EffectivePolicy(stack.record.approval_policy(), parts.options.approval.For(stack.tenant, of_module));
}

v1::ApprovalPolicy PolicyOfRun(const RuntimeParts& parts, const store::RunRow& run, const v1::Module& module) {
  return domain::EffectivePolicy(run.record.approval_policy(),
                                 parts.options.approval.For(run.tenant, module.approval_minimum()));
}

bool Destroys(const StepFold& plan) {
  if (!plan.plan_summary() || plan.plan_summary()->remove() > 0) return true;
  return std::any_of(plan.planned().begin(), plan.planned().end(), [](const v1::ResourceChange& change) {
    return change.action() == v1::ResourceChange::ACTION_DELETE ||
           change.action() == v1::ResourceChange::ACTION_REPLACE;
  });
}

bool WasLetThrough(const std::vector<v1::RunEvent>& events) {
  return std::any_of(events.begin(), events.end(), [](const v1::RunEvent& event) {
    const v1::RunStatus to = event.status_changed().to();
    return event.has_status_changed() && (to == v1::RUN_STATUS_CONFIRMED || to == v1::RUN_STATUS_APPLYING);
  });
}

}  // namespace stratus::provisioning::service
