#include "services/provisioning/service/api/stack_reads.h"

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/audit_events.h"
#include "services/provisioning/service/api/present.h"
#include "services/provisioning/service/api/run_queue.h"
#include "services/provisioning/service/api/stack_draft.h"

namespace stratus::provisioning::service {

absl::StatusOr<v1::ListModulesResponse> StackReads::ListModules(const Caller&, const v1::ListModulesRequest& request) {
  domain::Violations violations;
  const int size = domain::CheckPageSize(request.page_size(), &violations);
  // A page begins after the module that its token names.
  if (!request.page_token().empty() && !domain::IsResourceId(request.page_token())) {
    violations.Add("page_token", "is not one of ListModules'");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  v1::ListModulesResponse response;
  auto at = request.page_token().empty() ? parts_.modules->begin() : parts_.modules->upper_bound(request.page_token());
  for (; at != parts_.modules->end(); ++at) {
    if (response.modules_size() == size) {
      response.set_next_page_token(std::prev(at)->first);
      break;
    }
    *response.add_modules() = at->second.module;
  }
  return response;
}

absl::StatusOr<v1::Module> StackReads::GetModule(const Caller&, const v1::GetModuleRequest& request) {
  const auto module = FindModule(parts_, request.name());
  if (!module.ok()) return module.status();
  return (*module)->module;
}

absl::StatusOr<v1::Stack> StackReads::GetStack(const Caller& caller, const v1::GetStackRequest& request) {
  const auto id = domain::ParseStackName(request.name());
  if (!id) return core::InvalidField("name", "must be `stacks/{stack}`");
  const auto row = Named(parts_.store->GetStack(caller.tenant, *id), request.name());
  if (!row.ok()) return row.status();
  return PresentStack(parts_, *row);
}

absl::StatusOr<v1::ListStacksResponse> StackReads::ListStacks(const Caller& caller,
                                                              const v1::ListStacksRequest& request) {
  domain::Violations violations;
  store::StackQuery query;
  query.tenant = caller.tenant;
  query.filter = request.filter();
  query.order_by = request.order_by();
  query.page = {domain::CheckPageSize(request.page_size(), &violations), request.page_token()};
  if (request.filter().size() > domain::kFilterMax) {
    violations.Add("filter", absl::StrCat("must be at most ", domain::kFilterMax, " characters"));
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  auto listed = parts_.store->ListStacks(query);
  if (!listed.ok()) return listed.status();
  v1::ListStacksResponse response;
  for (const store::StackRow& row : listed->rows) *response.add_stacks() = PresentStack(parts_, row);
  response.set_next_page_token(listed->next_page_token);
  return response;
}

absl::StatusOr<v1::Outputs> StackReads::Outputs(const Caller& caller, const std::string& name, bool reveal) {
  const auto id = domain::ParseOutputsName(name);
  if (!id) return core::InvalidField("name", "must be `stacks/{stack}/outputs`");
  const auto row = Named(parts_.store->GetStack(caller.tenant, *id), domain::StackName(*id));
  if (!row.ok()) return row.status();
  return PresentOutputs(parts_, *row, reveal);
}

absl::StatusOr<v1::Outputs> StackReads::GetOutputs(const Caller& caller, const v1::GetOutputsRequest& request) {
  return Outputs(caller, request.name(), /*reveal=*/false);
}

absl::StatusOr<v1::Outputs> StackReads::RevealOutputs(const Caller& caller, const v1::RevealOutputsRequest& request) {
  auto outputs = Outputs(caller, request.name(), /*reveal=*/true);
  if (!outputs.ok()) return outputs;
  if (absl::Status kept = AuditRead(parts_, caller, "RevealOutputs", request.name()); !kept.ok()) return kept;
  return outputs;
}

absl::StatusOr<v1::Quota> StackReads::GetQuota(const Caller& caller, const v1::GetQuotaRequest& request) {
  if (request.name() != "quota") return core::InvalidField("name", "must be `quota`");
  const auto use = parts_.store->Use(caller.tenant);
  if (!use.ok()) return use.status();
  const QuotaLimits& limits = parts_.settings.quota;
  v1::Quota quota;
  quota.set_name("quota");
  quota.set_stacks_max(limits.stacks_max);
  quota.set_stacks_used(use->stacks);
  quota.set_concurrent_runs_max(limits.concurrent_runs_max);
  quota.set_concurrent_runs_used(use->running_runs);
  quota.set_queued_runs_max(limits.queued_runs_max);
  quota.set_queued_runs_used(use->queued_runs);
  return quota;
}

}  // namespace stratus::provisioning::service
