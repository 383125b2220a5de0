#include "services/provisioning/service/api/present.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/protobuf/empty.pb.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/domain/variables_json.h"
#include "services/provisioning/service/api/approvals.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

using google::longrunning::Operation;
using google::protobuf::Struct;
using google::protobuf::Value;

const Value* Member(const Value& value, const char* name) {
  const auto& fields = value.struct_value().fields();
  const auto at = fields.find(name);
  return at == fields.end() ? nullptr : &at->second;
}

Operation OperationOf(const store::RunRow& run) {
  Operation operation;
  operation.set_name(domain::OperationName(run.uid));
  v1::OperationMetadata metadata;
  metadata.set_stack(domain::StackName(run.stack_id));
  metadata.set_run(domain::RunNameOf(run.stack_id, run.uid));
  metadata.set_kind(run.record.kind());
  metadata.set_status(run.record.status());
  *metadata.mutable_create_time() = run.record.create_time();
  if (run.record.has_end_time()) *metadata.mutable_end_time() = run.record.end_time();
  operation.mutable_metadata()->PackFrom(metadata);
  return operation;
}

// What was stored as it is may have become sensitive since, by another version of the module.
void HideWhatIsSensitiveNow(const ApiParts& parts, v1::Stack* stack) {
  const auto id = domain::ParseModuleName(stack->module());
  const auto module = id ? parts.modules->find(*id) : parts.modules->end();
  if (module == parts.modules->end()) return;
  for (const v1::Variable& variable : module->second.module.variables()) {
    if (!variable.sensitive() || stack->mutable_variables()->mutable_fields()->erase(variable.name()) == 0) continue;
    stack->add_sensitive_variables(variable.name());
  }
  std::sort(stack->mutable_sensitive_variables()->begin(), stack->mutable_sensitive_variables()->end());
}

// True when the operation needs no stack: not done, an error, or a deletion.
bool PresentEnd(const store::RunRow& run, Operation* operation) {
  if (!domain::IsTerminal(run.record.status())) return true;
  operation->set_done(true);
  if (absl::Status error = RunError(run.record); !error.ok()) {
    *operation->mutable_error() = core::ToProto(error);
    return true;
  }
  if (!run.deletes_stack) return false;
  operation->mutable_response()->PackFrom(google::protobuf::Empty());
  return true;
}

}  // namespace

std::string EtagOf(const store::StackRow& row) { return absl::StrCat(row.uid.substr(0, 8), "-", row.version); }

absl::StatusOr<v1::Outputs> PresentOutputs(const ApiParts& parts, const store::StackRow& row, bool reveal) {
  v1::Outputs outputs;
  outputs.set_name(domain::OutputsName(row.id));
  outputs.set_state_serial(row.state_serial);
  outputs.mutable_values();
  if (row.sealed_outputs.empty()) return outputs;
  absl::StatusOr<std::string> json = parts.sealer->Open(OutputsContext(row.uid), row.sealed_outputs);
  if (!json.ok()) return json.status();
  absl::StatusOr<Struct> given = domain::StructFromJson(*json);
  if (!given.ok()) return absl::DataLossError("the stored outputs cannot be read");
  for (const auto& [name, output] : given->fields()) {
    const Value* sensitive = Member(output, "sensitive");
    const Value* value = Member(output, "value");
    const bool hide = sensitive != nullptr && sensitive->bool_value();
    if (hide) outputs.add_sensitive(name);
    Value& shown = (*outputs.mutable_values()->mutable_fields())[name];
    shown.set_null_value(google::protobuf::NULL_VALUE);
    if (value != nullptr && (reveal || !hide)) shown = *value;
  }
  std::sort(outputs.mutable_sensitive()->begin(), outputs.mutable_sensitive()->end());
  return outputs;
}

v1::Stack PresentStack(const ApiParts& parts, const store::StackRow& row) {
  v1::Stack stack = row.record;
  stack.set_name(domain::StackName(row.id));
  stack.set_uid(row.uid);
  stack.set_etag(EtagOf(row));
  stack.set_state_serial(row.state_serial);
  HideWhatIsSensitiveNow(parts, &stack);
  stack.set_approval_policy(PolicyOf(parts, row));
  stack.clear_expiration();
  if (row.expire_time != absl::InfiniteFuture()) *stack.mutable_expire_time() = domain::ToProto(row.expire_time);
  if (stack.has_lock() && domain::FromProto(stack.lock().expire_time()) <= parts.clock->Now()) stack.clear_lock();
  return stack;
}

v1::Run PresentRun(const store::RunRow& row, int position) {
  v1::Run run = row.record;
  run.set_name(domain::RunNameOf(row.stack_id, row.uid));
  run.set_queue_position(run.status() == v1::RUN_STATUS_PENDING ? position : 0);
  return run;
}

v1::Run PresentRun(const ApiParts& parts, const store::RunRow& row) {
  if (row.record.status() != v1::RUN_STATUS_PENDING) return PresentRun(row);
  return PresentRun(row, parts.store->QueuePosition(row.uid).value_or(0));
}

v1::StateVersion PresentStateVersion(const std::string& stack_id, const store::StateVersionRow& row) {
  v1::StateVersion version = row.record;
  version.set_name(domain::StateVersionNameOf(stack_id, row.serial));
  version.set_serial(row.serial);
  return version;
}

absl::Status RunError(const v1::Run& run) {
  const v1::RunStatus status = run.status();
  if (!domain::IsTerminal(status) || domain::IsSuccess(status)) return absl::OkStatus();
  if (run.has_error() && run.error().code() != 0) return core::FromProto(run.error());
  if (status == v1::RUN_STATUS_DISCARDED) return absl::AbortedError("the run's plan was discarded");
  if (status == v1::RUN_STATUS_ERRORED) return absl::UnknownError("the run failed");
  return absl::CancelledError("the run was cancelled");
}

Operation PresentOperation(const ApiParts& parts, const store::RunRow& run) {
  Operation operation = OperationOf(run);
  if (PresentEnd(run, &operation)) return operation;
  v1::Stack stack;
  if (auto row = parts.store->GetStackByUid(run.stack_uid); row.ok()) {
    stack = PresentStack(parts, *row);
  } else {
    // Deleted since.
    stack.set_name(domain::StackName(run.stack_id));
    stack.set_uid(run.stack_uid);
  }
  operation.mutable_response()->PackFrom(stack);
  return operation;
}

Operation PresentOperation(const store::RunRow& run, const v1::Stack& stack) {
  Operation operation = OperationOf(run);
  if (!PresentEnd(run, &operation)) operation.mutable_response()->PackFrom(stack);
  return operation;
}

Operation DoneOperation(const google::protobuf::Message& response) {
  Operation operation;
  operation.set_done(true);
  operation.mutable_response()->PackFrom(response);
  return operation;
}

}  // namespace stratus::provisioning::service
