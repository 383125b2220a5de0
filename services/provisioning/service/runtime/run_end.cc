#include "services/provisioning/service/runtime/run_end.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/service/runtime/state_document.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

constexpr int kDriftChangesMax = 100;
constexpr int kRunsLookedAt = 20;

// What of an end is made before the transaction: sealing and reading take time.
struct Prepared {
  std::optional<std::string> sealed_outputs;
  google::protobuf::Struct outputs;
  std::vector<v1::Run> earlier;  // newest first, this run left out
  google::protobuf::Timestamp now = domain::ToProto(absl::Now());
};

bool ChangesOutputs(v1::RunKind kind) {
  return kind == v1::RUN_KIND_APPLY || kind == v1::RUN_KIND_DESTROY || kind == v1::RUN_KIND_RECOVER;
}

// From the state: the engine's stream leaves the sensitive values out.
absl::StatusOr<std::string> OutputsOf(const RuntimeParts& parts, const Lease& lease) {
  absl::StatusOr<std::optional<std::string>> text = parts.keeper->Newest(lease.stack_uid());
  if (!text.ok()) return text.status();
  if (!text->has_value()) return std::string("{}");
  absl::StatusOr<StateDocument> state = ReadState(**text);
  if (!state.ok()) return state.status();
  return state->outputs_json.empty() ? std::string("{}") : state->outputs_json;
}

absl::StatusOr<Prepared> Prepare(const RuntimeParts& parts, const Lease& lease) {
  Prepared prepared;
  auto runs = parts.store->ListRuns({.tenant = lease.run().tenant,
                                     .stack_uid = lease.stack_uid(),
                                     .filter = "",
                                     .page = {.size = kRunsLookedAt, .token = ""}});
  if (!runs.ok()) return runs.status();
  for (store::RunRow& run : runs->rows) {
    if (run.uid != lease.run_uid()) prepared.earlier.push_back(std::move(run.record));
  }
  if (!ChangesOutputs(lease.run().record.kind()) || !lease.run().record.has_start_time()) return prepared;
  absl::StatusOr<std::string> outputs = OutputsOf(parts, lease);
  if (!outputs.ok()) return outputs.status();
  absl::StatusOr<google::protobuf::Struct> masked = MaskedOutputs(*outputs);
  if (!masked.ok()) return masked.status();
  prepared.outputs = *std::move(masked);
  absl::StatusOr<std::string> sealed = parts.sealer->Seal(OutputsContext(lease.stack_uid()), *outputs);
  if (!sealed.ok()) return sealed.status();
  prepared.sealed_outputs = *std::move(sealed);
  return prepared;
}

void SetDrift(const Ending& ending, const Prepared& prepared, LeasedChange* change) {
  v1::Drift& drift = *change->stack.record.mutable_drift();
  drift.Clear();
  drift.set_drifted(!ending.drift->empty());
  *drift.mutable_check_time() = prepared.now;
  drift.set_run(change->run.record.name());
  for (const v1::ResourceChange& one : *ending.drift) {
    if (drift.changes_size() == kDriftChangesMax) break;
    *drift.add_changes() = one;
  }
}

// A note, a reason or a message may name a resource by a key that is secret.
void SetRun(const Ending& ending, const Prepared& prepared, const engine::Redactor& redactor, LeasedChange* change) {
  SetStatus(change, ending.status, redactor.Address(ending.reason));
  v1::Run& record = change->run.record;
  *record.mutable_end_time() = prepared.now;
  record.set_state_serial(change->stack.state_serial);
  if (ending.error) {
    *record.mutable_error() = *ending.error;
    record.mutable_error()->set_message(redactor.Address(ending.error->message()));
  }
  for (const std::string& note : ending.notes) record.add_recovery_notes(redactor.Address(note));
}

absl::StatusOr<v1::Stack::State> StateAfter(const Prepared& prepared, LeasedChange* change) {
  absl::StatusOr<std::vector<store::RunRow>> open = change->transaction.OpenRuns(change->stack.uid);
  if (!open.ok()) return open.status();
  for (const store::RunRow& run : *open) {
    if (run.uid != change->run.uid) return v1::Stack::STATE_BUSY;
  }
  std::vector<v1::Run> runs = prepared.earlier;
  runs.insert(runs.begin(), change->run.record);
  const v1::Stack::State otherwise = change->stack.state_serial > 0 ? v1::Stack::STATE_READY : v1::Stack::STATE_NEW;
  return domain::SettledState(runs).value_or(otherwise);
}

absl::Status SetStack(const Ending& ending, const Prepared& prepared, LeasedChange* change) {
  absl::StatusOr<v1::Stack::State> state = StateAfter(prepared, change);
  if (!state.ok()) return state.status();
  change->stack.record.set_state(*state);
  change->stack.record.set_state_serial(change->stack.state_serial);
  *change->stack.record.mutable_update_time() = prepared.now;
  if (!change->run.record.module_version().empty()) {
    change->stack.record.set_module_version(change->run.record.module_version());
  }
  if (prepared.sealed_outputs) {
    change->stack.sealed_outputs = *prepared.sealed_outputs;
    *change->stack.record.mutable_outputs() = prepared.outputs;
  }
  if (ending.drift) SetDrift(ending, prepared, change);
  ReleaseLease(&change->stack);
  change->stack_changed = true;
  return absl::OkStatus();
}

// The stack goes with its run. Runs that wait behind it have nothing left to run on.
absl::Status DeleteStack(LeasedChange* change) {
  change->delete_stack = true;
  absl::StatusOr<std::vector<store::RunRow>> open = change->transaction.OpenRuns(change->stack.uid);
  if (!open.ok()) return open.status();
  for (store::RunRow& run : *open) {
    if (run.uid == change->run.uid) continue;
    run.record.set_status(v1::RUN_STATUS_CANCELED);
    *run.record.mutable_error() = google::rpc::Status();
    run.record.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kAborted));
    run.record.mutable_error()->set_message("the stack was deleted before the run could start");
    if (absl::Status put = change->transaction.PutRun(&run); !put.ok()) return put;
    change->transaction.Notify(absl::StrCat(core::ToAbsl(store::kTopicRun), run.uid));
  }
  return absl::OkStatus();
}

v1::AuditEvent EndEvent(const store::RunRow& run) {
  const auto code = static_cast<absl::StatusCode>(run.record.error().code());
  v1::AuditEvent event = SystemEvent("EndRun", run.record.name(), core::CodeName(code),
                                     v1::RunStatus_Name(run.record.status()), absl::Now());
  event.set_trace_id(run.record.trace_id());
  return event;
}

}  // namespace

absl::StatusOr<google::protobuf::Struct> MaskedOutputs(std::string_view outputs_json) {
  const auto outputs = nlohmann::json::parse(outputs_json, nullptr, /*allow_exceptions=*/false);
  if (!outputs.is_object()) return absl::InvalidArgumentError("the outputs are not a JSON object");
  nlohmann::json shown = nlohmann::json::object();
  for (const auto& [name, output] : outputs.items()) {
    if (!output.is_object()) return absl::InvalidArgumentError("an output is not a JSON object");
    const auto sensitive = output.find("sensitive");
    const bool masked = sensitive != output.end() && sensitive->is_boolean() && sensitive->get<bool>();
    shown[name] = masked || !output.contains("value") ? nlohmann::json() : output["value"];
  }
  google::protobuf::Struct result;
  const std::string text = shown.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, &result);
  if (!parsed.ok()) return absl::InvalidArgumentError("the outputs are nested too deeply");
  return result;
}

absl::Status EndRun(const RuntimeParts& parts, Lease* lease, const RunInputs* inputs, const Ending& ending) {
  absl::StatusOr<Prepared> prepared = Prepare(parts, *lease);
  if (!prepared.ok() && (absl::IsUnavailable(prepared.status()) || absl::IsUnknown(prepared.status()))) {
    return prepared.status();
  }
  if (!prepared.ok()) {
    // A state that does not open must not keep the run from ending: its outputs stay as they were.
    core::Log(core::Severity::kError, "a run's outputs cannot be read",
              {{"run", lease->run_uid()}, {"reason", core::ToStd(prepared.status().message())}});
    prepared = Prepared();
  }
  const bool deletes = lease->run().deletes_stack && ending.status == v1::RUN_STATUS_APPLIED;
  const engine::Redactor redactor = inputs != nullptr ? inputs->redactor : engine::Redactor::Withholding();
  const absl::Status ended = lease->Update([&](LeasedChange& change) -> absl::Status {
    SetRun(ending, *prepared, redactor, &change);
    if (inputs != nullptr && change.run.record.module_version().empty()) {
      change.run.record.set_module_version(inputs->module->module.version());
    }
    change.transaction.Notify(store::kTopicQueue);
    if (ChangesOutputs(change.run.record.kind())) change.audit = EndEvent(change.run);
    if (deletes) return DeleteStack(&change);
    return SetStack(ending, *prepared, &change);
  });
  if (!ended.ok()) return ended;
  if (parts.audit != nullptr) parts.audit->Copy(lease->audit_line());
  parts.counters->ended[ending.status].fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

}  // namespace stratus::provisioning::service
