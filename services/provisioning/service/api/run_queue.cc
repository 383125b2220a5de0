#include "services/provisioning/service/api/run_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/domain/uid.h"
#include "services/provisioning/service/api/approvals.h"
#include "services/provisioning/service/api/present.h"
#include "services/provisioning/service/run_credentials.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

constexpr int kSettledPages = 4;  // of 50 runs: further back than that, the outputs tell

absl::Status CheckQueue(const ApiParts& parts, store::Transaction& transaction, const std::string& tenant) {
  absl::StatusOr<store::TenantUse> use = transaction.Use(tenant);
  if (!use.ok()) return use.status();
  const int limit = parts.settings.quota.queued_runs_max;
  return use->queued_runs < limit ? absl::OkStatus() : QuotaReached(tenant, "queued runs", limit);
}

std::string Topic(const store::RunRow& run) { return std::string(store::kTopicRun) + run.uid; }

v1::RunEvent StatusEvent(v1::RunStatus from, v1::RunStatus to, const std::string& reason, absl::Time now) {
  v1::RunEvent event;
  *event.mutable_time() = domain::ToProto(now);
  event.mutable_status_changed()->set_from(from);
  event.mutable_status_changed()->set_to(to);
  event.mutable_status_changed()->set_reason(reason);
  return event;
}

absl::Status InsertRun(store::Transaction& transaction, absl::Time now, store::RunRow* run) {
  if (absl::Status status = transaction.InsertRun(*run); !status.ok()) return status;
  return transaction.AppendEvents(run, {StatusEvent(v1::RUN_STATUS_UNSPECIFIED, v1::RUN_STATUS_PENDING, "", now)});
}

}  // namespace

absl::StatusOr<const engine::ModuleEntry*> RunnableModule(const ApiParts& parts, store::Transaction& transaction,
                                                          const store::StackRow& stack) {
  const std::string& module_name = stack.record.module();
  const auto id = domain::ParseModuleName(module_name);
  const auto found = id ? parts.modules->find(*id) : parts.modules->end();
  if (found == parts.modules->end()) {
    return absl::FailedPreconditionError(
        absl::StrCat(module_name, " is not served any more: put it back to go on with its stacks"));
  }
  const auto rows = transaction.Credentials(stack.tenant, stack.id);
  if (!rows.ok()) return rows.status();
  const absl::Status checked = CheckCredentialsOf(parts, found->second, stack.tenant, stack.id, *rows);
  if (!checked.ok()) return checked;
  return &found->second;
}

absl::Status CheckCredentialsOf(const ApiParts& parts, const engine::ModuleEntry& module, std::string_view tenant,
                                std::string_view stack_id, const std::vector<store::CredentialRow>& rows) {
  const auto& needed = module.module.providers();
  return CheckCredentials(*parts.credentials, {tenant, stack_id, module.module.name()},
                          std::vector<std::string>(needed.begin(), needed.end()), rows);
}

absl::Status LockQuota(store::Transaction& transaction, const std::string& tenant) {
  return transaction.Use(tenant).status();
}

absl::StatusOr<store::RunRow> QueueRun(const ApiParts& parts, store::Transaction& transaction, const Caller& caller,
                                       const NewRun& spec, const std::string& variables_json, store::StackRow* stack) {
  const auto module = RunnableModule(parts, transaction, *stack);
  if (!module.ok()) return module.status();
  if (spec.kind == v1::RUN_KIND_DESTROY && stack->record.protected_()) {
    return absl::FailedPreconditionError(
        absl::StrCat(domain::StackName(stack->id), " is protected: set `protected` to false first"));
  }
  if (absl::Status status = CheckQueue(parts, transaction, stack->tenant); !status.ok()) return status;
  absl::StatusOr<std::vector<store::RunRow>> open = transaction.OpenRuns(stack->uid);
  if (!open.ok()) return open.status();
  for (const store::RunRow& other : *open) {
    if (!other.deletes_stack) continue;
    return core::WithRetryAfter(absl::AbortedError(absl::StrCat(domain::StackName(stack->id), " is being deleted by ",
                                                                domain::OperationName(other.uid))),
                                absl::Seconds(5));
  }

  const absl::Time now = parts.clock->Now();
  store::RunRow run;
  run.uid = domain::NewUid();
  run.stack_uid = stack->uid;
  run.stack_id = stack->id;
  run.tenant = stack->tenant;
  run.deletes_stack = spec.deletes_stack;
  run.record.set_name(domain::RunNameOf(stack->id, run.uid));
  run.record.set_kind(spec.kind);
  run.record.set_status(v1::RUN_STATUS_PENDING);
  run.record.set_approval_policy(spec.approval_policy == v1::APPROVAL_POLICY_UNSPECIFIED ? PolicyOf(parts, *stack)
                                                                                         : spec.approval_policy);
  run.record.set_message(spec.message);
  run.record.set_creator(caller.principal.name());
  *run.record.mutable_created_by() = caller.principal;
  run.record.set_trace_id(caller.trace_id);
  run.record.set_module_version((*module)->module.version());
  *run.record.mutable_create_time() = domain::ToProto(now);
  absl::StatusOr<std::string> sealed = parts.sealer->Seal(RunVariablesContext(run.uid), variables_json);
  if (!sealed.ok()) return sealed.status();
  run.sealed_variables = *std::move(sealed);
  if (absl::Status status = InsertRun(transaction, now, &run); !status.ok()) return status;
  if (!caller.traceparent.empty()) {
    const absl::Status kept = transaction.PutBlob(run.uid, kTraceBlob, caller.traceparent);
    if (!kept.ok()) return kept;
  }

  const store::RunRow& current = open->empty() ? run : open->front();
  stack->record.set_state(v1::Stack::STATE_BUSY);
  stack->record.set_current_run(domain::RunNameOf(stack->id, current.uid));
  *stack->record.mutable_update_time() = domain::ToProto(now);
  transaction.Notify(store::kTopicQueue);
  transaction.Notify(Topic(run));
  return run;
}

absl::Status MoveRun(const ApiParts& parts, store::Transaction& transaction, v1::RunStatus to,
                     const std::string& reason, store::RunRow* run) {
  const v1::RunStatus from = run->record.status();
  if (!domain::MayGo(from, to)) {
    return absl::InternalError(
        absl::StrCat("a run cannot go from ", v1::RunStatus_Name(from), " to ", v1::RunStatus_Name(to)));
  }
  const absl::Time now = parts.clock->Now();
  run->record.set_status(to);
  if (domain::IsTerminal(to)) *run->record.mutable_end_time() = domain::ToProto(now);
  if (absl::Status status = transaction.AppendEvents(run, {StatusEvent(from, to, reason, now)}); !status.ok()) {
    return status;
  }
  transaction.Notify(Topic(*run));
  return transaction.PutRun(run);
}

v1::Stack::State SettledStateOf(const ApiParts& parts, const store::StackRow& stack) {
  store::RunQuery query;
  query.tenant = stack.tenant;
  query.stack_uid = stack.uid;
  for (int page = 0; page < kSettledPages; ++page) {
    auto listed = parts.store->ListRuns(query);
    if (!listed.ok()) break;
    std::vector<v1::Run> runs;
    for (store::RunRow& row : listed->rows) runs.push_back(std::move(row.record));
    if (auto state = domain::SettledState(runs)) return *state;
    if (listed->next_page_token.empty()) return v1::Stack::STATE_NEW;
    query.page.token = listed->next_page_token;
  }
  return stack.sealed_outputs.empty() ? v1::Stack::STATE_NEW : v1::Stack::STATE_READY;
}

absl::Status SettleStack(const ApiParts& parts, store::Transaction& transaction, const store::RunRow& ended,
                         v1::Stack::State settled, store::StackRow* stack) {
  absl::StatusOr<std::vector<store::RunRow>> open = transaction.OpenRuns(stack->uid);
  if (!open.ok()) return open.status();
  const auto next =
      std::find_if(open->begin(), open->end(), [&](const store::RunRow& run) { return run.uid != ended.uid; });
  stack->record.set_state(next == open->end() ? settled : v1::Stack::STATE_BUSY);
  stack->record.set_current_run(domain::RunNameOf(stack->id, next == open->end() ? ended.uid : next->uid));
  *stack->record.mutable_update_time() = domain::ToProto(parts.clock->Now());
  transaction.Notify(store::kTopicQueue);
  return transaction.PutStack(stack);
}

absl::StatusOr<std::string> OpenVariables(const ApiParts& parts, const store::StackRow& stack) {
  if (stack.sealed_variables.empty()) return "{}";
  return parts.sealer->Open(StackVariablesContext(stack.uid), stack.sealed_variables);
}

absl::Status QuotaReached(const std::string& tenant, std::string_view what, int limit) {
  const std::string description = absl::StrCat("the tenant has its ", limit, " ", core::ToAbsl(what), " already");
  google::rpc::QuotaFailure failure;
  auto* violation = failure.add_violations();
  violation->set_subject(absl::StrCat("tenant:", tenant));
  violation->set_description(description);
  return core::WithDetail(absl::ResourceExhaustedError(description), failure);
}

absl::Status CheckEtag(const store::StackRow& stack, std::string_view etag) {
  if (etag.empty() || etag == EtagOf(stack)) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat(domain::StackName(stack.id), " has changed since: its etag is ", EtagOf(stack), " now"));
}

absl::Status NoSuch(std::string_view name) {
  return absl::NotFoundError(absl::StrCat(core::ToAbsl(name), " does not exist"));
}

}  // namespace stratus::provisioning::service
