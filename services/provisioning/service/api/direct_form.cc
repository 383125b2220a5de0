#include "services/provisioning/service/api/direct_form.h"

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/domain/variables.h"
#include "services/provisioning/domain/variables_json.h"
#include "services/provisioning/service/api/approvals.h"
#include "services/provisioning/service/api/mutation.h"
#include "services/provisioning/service/api/present.h"
#include "services/provisioning/service/api/run_queue.h"
#include "services/provisioning/service/api/stack_draft.h"

namespace stratus::provisioning::service {
namespace {

constexpr std::string_view kCreate = "stratus/stacks.create";
constexpr std::string_view kUpdate = "stratus/stacks.update";

// Mutations remember their replies as messages: a DirectRun as this one, `done` standing for 200.
v1::DirectReply ToReply(const DirectRun& run) {
  v1::DirectReply reply;
  reply.set_stack(run.stack);
  reply.set_operation(run.run);
  reply.set_done(run.http_status == 200);
  return reply;
}

DirectRun FromReply(const v1::DirectReply& reply) {
  return {reply.stack(), reply.operation(), reply.done() ? 200 : 201};
}

absl::StatusOr<v1::DirectReply> ToReply(const absl::StatusOr<DirectRun>& run) {
  if (!run.ok()) return run.status();
  return ToReply(*run);
}

std::string StackIdOf(const std::string& stack, const std::string& module) { return stack.empty() ? module : stack; }

absl::Status CheckStackId(const std::string& id) {
  if (domain::IsResourceId(id)) return absl::OkStatus();
  return core::InvalidField("stack", absl::StrCat("must be ", core::ToAbsl(domain::kResourceIdRule)));
}

}  // namespace

absl::StatusOr<DirectRun> DirectForm::ApplyIn(store::Transaction& transaction, const Caller& caller,
                                              const v1::ApplyModuleRequest& request, const std::string& stack_id,
                                              const engine::ModuleEntry& module) {
  // Of several first calls at once, one creates the stack and the others find it.
  absl::Status status = LockQuota(transaction, caller.tenant);
  if (!status.ok()) return status;
  auto row = transaction.GetStack(caller.tenant, stack_id);
  const bool is_new = row.status().code() == absl::StatusCode::kNotFound;
  if (!row.ok() && !is_new) return row.status();
  // ApplyModule lets in whoever has one of the two scopes: which of them it takes is known only here.
  status = is_new ? NeedScope(caller, kCreate, "creating a stack") : NeedScope(caller, kUpdate, "updating a stack");
  if (!status.ok()) return status;
  if (is_new) {
    row = NewStackRow(parts_, caller.tenant, stack_id, module);
    if (status = SetNewApproval(parts_, caller, {}, &*row); !status.ok()) return status;
  } else if (row->record.module() != module.module.name()) {
    return absl::AlreadyExistsError(absl::StrCat(domain::StackName(stack_id), " exists already, of ",
                                                 row->record.module(), ": name another by ?stack="));
  }
  *row->record.mutable_last_editor() = caller.principal;
  status = SetVariables(parts_, module, request.variables(), &*row);
  if (status.ok() && is_new) status = InsertStack(parts_, transaction, *row);
  if (!status.ok()) return status;
  const NewRun spec{.kind = v1::RUN_KIND_APPLY};
  auto run = QueueRun(parts_, transaction, caller, spec, domain::ToJson(request.variables()), &*row);
  if (!run.ok()) return run.status();
  if (status = transaction.PutStack(&*row); !status.ok()) return status;
  return DirectRun{stack_id, run->uid, is_new ? 201 : 200};
}

absl::StatusOr<DirectRun> DirectForm::Apply(const Caller& caller, const v1::ApplyModuleRequest& request) {
  const auto module = FindModule(parts_, domain::ModuleName(request.module()));
  if (!module.ok()) return module.status();
  const std::string id = StackIdOf(request.stack(), request.module());
  if (absl::Status status = CheckStackId(id); !status.ok()) return status;
  domain::Violations violations;
  domain::CheckVariables(request.variables(), (*module)->module, &violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const Mutation mutation{caller, "ApplyModule", domain::StackName(id), request.request_id(), request};
  auto reply = Mutate<v1::DirectReply>(parts_, mutation, [&](store::Transaction& transaction) {
    return ToReply(ApplyIn(transaction, caller, request, id, **module));
  });
  if (!reply.ok()) return reply.status();
  return FromReply(*reply);
}

absl::StatusOr<DirectRun> DirectForm::DestroyIn(store::Transaction& transaction, const Caller& caller,
                                                const std::string& module_name, const std::string& stack_id) {
  if (absl::Status status = LockQuota(transaction, caller.tenant); !status.ok()) return status;
  auto row = Named(transaction.GetStack(caller.tenant, stack_id), domain::StackName(stack_id));
  if (!row.ok()) return row.status();
  if (row->record.module() != module_name) return NoSuch(domain::StackName(stack_id));
  const auto open = transaction.OpenRuns(row->uid);
  if (!open.ok()) return open.status();
  for (const store::RunRow& run : *open) {
    if (run.deletes_stack) return DirectRun{stack_id, run.uid, 200};
  }
  const auto variables = OpenVariables(parts_, *row);
  if (!variables.ok()) return variables.status();
  const NewRun spec{.kind = v1::RUN_KIND_DESTROY, .deletes_stack = true};
  const auto run = QueueRun(parts_, transaction, caller, spec, *variables, &*row);
  if (!run.ok()) return run.status();
  if (absl::Status status = transaction.PutStack(&*row); !status.ok()) return status;
  return DirectRun{stack_id, run->uid, 200};
}

absl::StatusOr<DirectRun> DirectForm::Destroy(const Caller& caller, const v1::DestroyModuleRequest& request) {
  const auto module = FindModule(parts_, domain::ModuleName(request.module()));
  if (!module.ok()) return module.status();
  const std::string id = StackIdOf(request.stack(), request.module());
  if (absl::Status status = CheckStackId(id); !status.ok()) return status;
  const Mutation mutation{caller, "DestroyModule", domain::StackName(id), request.request_id(), request};
  auto reply = Mutate<v1::DirectReply>(parts_, mutation, [&](store::Transaction& transaction) {
    return ToReply(DestroyIn(transaction, caller, (*module)->module.name(), id));
  });
  if (!reply.ok()) return reply.status();
  return FromReply(*reply);
}

absl::StatusOr<DirectForm::Progress> DirectForm::Look(const Caller& caller, const DirectRun& direct,
                                                      v1::DirectReply* reply) {
  const auto run = Named(parts_.store->GetRun(direct.run), domain::OperationName(direct.run));
  if (!run.ok()) return run.status();
  if (run->record.status() == v1::RUN_STATUS_PLANNED) return Progress::kWaitsForApproval;
  if (!domain::IsTerminal(run->record.status())) return Progress::kUnderWay;
  if (absl::Status status = RunError(run->record); !status.ok()) return status;
  reply->set_done(true);
  reply->set_stack(domain::StackName(direct.stack));
  reply->set_operation(domain::OperationName(direct.run));
  reply->mutable_outputs();
  if (run->deletes_stack) return Progress::kEnded;
  const auto stack = parts_.store->GetStack(caller.tenant, direct.stack);
  if (stack.status().code() == absl::StatusCode::kNotFound) return Progress::kEnded;  // deleted since
  if (!stack.ok()) return stack.status();
  auto outputs = PresentOutputs(parts_, *stack, /*reveal=*/false);
  if (!outputs.ok()) return outputs.status();
  reply->mutable_outputs()->Swap(outputs->mutable_values());
  return Progress::kEnded;
}

v1::DirectReply DirectForm::Pending(const DirectRun& run) {
  v1::DirectReply reply;
  reply.set_stack(domain::StackName(run.stack));
  reply.set_operation(domain::OperationName(run.run));
  auto& outputs = *reply.mutable_outputs()->mutable_fields();
  outputs["operation"].set_string_value(reply.operation());
  outputs["done"].set_bool_value(false);
  return reply;
}

}  // namespace stratus::provisioning::service
