#include "services/provisioning/service/api/stack_changes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/empty.pb.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/stack_mask.h"
#include "services/provisioning/domain/variables.h"
#include "services/provisioning/domain/variables_json.h"
#include "services/provisioning/service/api/approvals.h"
#include "services/provisioning/service/api/mutation.h"
#include "services/provisioning/service/api/present.h"
#include "services/provisioning/service/api/run_queue.h"
#include "services/provisioning/service/api/stack_draft.h"

namespace stratus::provisioning::service {
namespace {

using google::longrunning::Operation;

// The settings beside the variables, of a new stack.
void TakeSettings(const v1::Stack& wanted, absl::Time now, domain::Violations* violations, store::StackRow* row) {
  domain::CheckLabels(wanted.labels(), "stack.labels", violations);
  *row->record.mutable_labels() = wanted.labels();
  row->record.set_protected_(wanted.protected_());
  row->expire_time = domain::CheckExpiration(wanted, now, violations);
  if (!wanted.has_drift_interval()) return;
  const absl::Duration interval = domain::CheckDuration(wanted.drift_interval(), domain::kDriftIntervalMin,
                                                        domain::kDriftIntervalMax, "stack.drift_interval", violations);
  *row->record.mutable_drift_interval() = wanted.drift_interval();
  row->next_drift_check = now + interval;
}

// The settings that the mask names.
void ChangeSettings(const v1::Stack& wanted, const domain::StackMask& mask, absl::Time now,
                    domain::Violations* violations, store::StackRow* row) {
  v1::Stack& record = row->record;
  if (mask.all_labels) *record.mutable_labels() = wanted.labels();
  for (const std::string& key : mask.labels) {
    const auto given = wanted.labels().find(key);
    record.mutable_labels()->erase(key);
    if (given != wanted.labels().end()) (*record.mutable_labels())[key] = given->second;
  }
  domain::CheckLabels(record.labels(), "stack.labels", violations);
  if (mask.is_protected) record.set_protected_(wanted.protected_());
  if (mask.expiration) row->expire_time = domain::CheckExpiration(wanted, now, violations);
  if (!mask.drift_interval) return;
  record.clear_drift_interval();
  row->next_drift_check = absl::InfiniteFuture();
  if (!wanted.has_drift_interval()) return;
  const absl::Duration interval = domain::CheckDuration(wanted.drift_interval(), domain::kDriftIntervalMin,
                                                        domain::kDriftIntervalMax, "stack.drift_interval", violations);
  *record.mutable_drift_interval() = wanted.drift_interval();
  row->next_drift_check = now + interval;
}

// The variables after the update: all new ones, or the present ones with the named ones changed or taken out.
absl::StatusOr<google::protobuf::Struct> ChangedVariables(const ApiParts& parts, const v1::Stack& wanted,
                                                          const domain::StackMask& mask, const store::StackRow& row) {
  if (mask.all_variables) return wanted.variables();
  absl::StatusOr<std::string> json = OpenVariables(parts, row);
  if (!json.ok()) return json.status();
  absl::StatusOr<google::protobuf::Struct> variables = domain::StructFromJson(*json);
  if (!variables.ok()) return absl::DataLossError("the stored variables cannot be read");
  for (const std::string& name : mask.variables) {
    const auto given = wanted.variables().fields().find(name);
    variables->mutable_fields()->erase(name);
    if (given != wanted.variables().fields().end()) (*variables->mutable_fields())[name] = given->second;
  }
  return variables;
}

}  // namespace

absl::StatusOr<store::StackRow> StackChanges::Draft(const Caller& caller, const v1::CreateStackRequest& request,
                                                    const std::string& id) {
  domain::Violations violations;
  if (!domain::IsResourceId(id))
    violations.Add("stack_id", absl::StrCat("must be ", core::ToAbsl(domain::kResourceIdRule)));
  const auto module = FindModule(parts_, request.stack().module());
  if (!module.ok()) return module.status();
  store::StackRow row = NewStackRow(parts_, caller.tenant, id, **module);
  if (absl::Status status = SetNewApproval(parts_, caller, request.stack(), &row); !status.ok()) return status;
  *row.record.mutable_last_editor() = caller.principal;
  TakeSettings(request.stack(), parts_.clock->Now(), &violations, &row);
  domain::CheckVariables(request.stack().variables(), (*module)->module, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto credentials = parts_.store->Credentials(caller.tenant, id);
  if (!credentials.ok()) return credentials.status();
  if (absl::Status status = CheckCredentialsOf(parts_, **module, caller.tenant, id, *credentials); !status.ok()) {
    return status;
  }
  if (absl::Status status = SetVariables(parts_, **module, request.stack().variables(), &row); !status.ok()) {
    return status;
  }
  return row;
}

absl::StatusOr<Operation> StackChanges::Create(const Caller& caller, const v1::CreateStackRequest& request) {
  std::string id = request.stack_id();
  if (id.empty()) {
    const auto module = FindModule(parts_, request.stack().module());
    if (!module.ok()) return module.status();
    id = MakeStackId(domain::ParseModuleName((*module)->module.name()).value_or("stack"));
  }
  absl::StatusOr<store::StackRow> draft = Draft(caller, request, id);
  if (!draft.ok()) return draft.status();
  const std::string variables_json = domain::ToJson(request.stack().variables());
  const Mutation mutation{caller, "CreateStack", domain::StackName(id), request.request_id(), request};
  if (request.validate_only()) {
    absl::Status status = parts_.store->Transact([&](store::Transaction& transaction) -> absl::Status {
      const auto taken = transaction.GetStack(caller.tenant, id);
      if (taken.ok()) return absl::AlreadyExistsError(absl::StrCat(domain::StackName(id), " exists already"));
      return taken.status().code() == absl::StatusCode::kNotFound ? absl::OkStatus() : taken.status();
    });
    if (!status.ok()) return status;
    return DoneOperation(PresentStack(parts_, *draft));
  }
  return Mutate<Operation>(parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<Operation> {
    store::StackRow row = *draft;
    if (absl::Status status = InsertStack(parts_, transaction, row); !status.ok()) return status;
    auto run = QueueRun(parts_, transaction, caller, {.kind = v1::RUN_KIND_APPLY}, variables_json, &row);
    if (!run.ok()) return run.status();
    if (absl::Status status = transaction.PutStack(&row); !status.ok()) return status;
    return PresentOperation(*run, PresentStack(parts_, row));
  });
}

absl::StatusOr<Operation> StackChanges::UpdateRow(store::Transaction& transaction, const Caller& caller,
                                                  const v1::UpdateStackRequest& request, const std::string& id) {
  const v1::Stack& wanted = request.stack();
  if (absl::Status status = LockQuota(transaction, caller.tenant); !status.ok()) return status;
  auto row = Named(transaction.GetStack(caller.tenant, id), wanted.name());
  if (!row.ok()) return row.status();
  if (absl::Status status = CheckEtag(*row, wanted.etag()); !status.ok()) return status;
  domain::Violations violations;
  const domain::StackMask mask = domain::ParseStackMask(request.update_mask(), &violations);
  const ApprovalChange approval{.policy = mask.approval_policy, .other_approver = mask.other_approver};
  if (absl::Status status = ChangeApproval(parts_, caller, wanted, approval, &*row); !status.ok()) return status;
  ChangeSettings(wanted, mask, parts_.clock->Now(), &violations, &*row);

  bool changed = false;
  std::string variables_json;
  if (mask.names_variables()) {
    const auto module = RunnableModule(parts_, transaction, *row);
    if (!module.ok()) return module.status();
    const auto before = OpenVariables(parts_, *row);
    if (!before.ok()) return before.status();
    const auto variables = ChangedVariables(parts_, wanted, mask, *row);
    if (!variables.ok()) return variables.status();
    domain::CheckVariables(*variables, (*module)->module, &violations);
    if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
    variables_json = domain::ToJson(*variables);
    changed = variables_json != *before;
    if (absl::Status status = SetVariables(parts_, **module, *variables, &*row); !status.ok()) return status;
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  if (request.validate_only()) return DoneOperation(PresentStack(parts_, *row));

  *row->record.mutable_update_time() = domain::ToProto(parts_.clock->Now());
  *row->record.mutable_last_editor() = caller.principal;
  if (mask.approval_policy) {
    if (absl::Status status = TightenQueuedRuns(parts_, transaction, *row); !status.ok()) return status;
  }
  if (!changed) {
    if (absl::Status status = transaction.PutStack(&*row); !status.ok()) return status;
    return DoneOperation(PresentStack(parts_, *row));
  }
  auto run = QueueRun(parts_, transaction, caller, {.kind = v1::RUN_KIND_APPLY}, variables_json, &*row);
  if (!run.ok()) return run.status();
  if (absl::Status status = transaction.PutStack(&*row); !status.ok()) return status;
  return PresentOperation(*run, PresentStack(parts_, *row));
}

absl::StatusOr<Operation> StackChanges::Update(const Caller& caller, const v1::UpdateStackRequest& request) {
  const auto id = domain::ParseStackName(request.stack().name());
  if (!id) return core::InvalidField("stack.name", "must be `stacks/{stack}`");
  Caller asker = caller;
  // A trial is not remembered: the id is still free for the change itself.
  if (request.validate_only()) asker.idempotency_key.clear();
  const Mutation mutation{
      asker,   "UpdateStack",          request.stack().name(), request.validate_only() ? "" : request.request_id(),
      request, request.validate_only()};
  return Mutate<Operation>(
      parts_, mutation, [&](store::Transaction& transaction) { return UpdateRow(transaction, caller, request, *id); });
}

absl::StatusOr<Operation> StackChanges::Delete(const Caller& caller, const v1::DeleteStackRequest& request) {
  const auto id = domain::ParseStackName(request.name());
  if (!id) return core::InvalidField("name", "must be `stacks/{stack}`");
  const Mutation mutation{caller, "DeleteStack", request.name(), request.request_id(), request};
  return Mutate<Operation>(parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<Operation> {
    if (absl::Status status = LockQuota(transaction, caller.tenant); !status.ok()) return status;
    auto row = Named(transaction.GetStack(caller.tenant, *id), request.name());
    if (row.status().code() == absl::StatusCode::kNotFound && request.allow_missing()) {
      return DoneOperation(google::protobuf::Empty());
    }
    if (!row.ok()) return row.status();
    if (absl::Status status = CheckEtag(*row, request.etag()); !status.ok()) return status;
    const auto open = transaction.OpenRuns(row->uid);
    if (!open.ok()) return open.status();
    if (!open->empty()) {
      return absl::AbortedError(absl::StrCat(request.name(), " is busy with ",
                                             domain::RunNameOf(*id, open->front().uid), ": wait for it, or cancel it"));
    }
    const auto variables = OpenVariables(parts_, *row);
    if (!variables.ok()) return variables.status();
    const NewRun spec{.kind = v1::RUN_KIND_DESTROY, .deletes_stack = true};
    auto run = QueueRun(parts_, transaction, caller, spec, *variables, &*row);
    if (!run.ok()) return run.status();
    if (absl::Status status = transaction.PutStack(&*row); !status.ok()) return status;
    return PresentOperation(*run, PresentStack(parts_, *row));
  });
}

}  // namespace stratus::provisioning::service
