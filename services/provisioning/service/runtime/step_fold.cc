#include "services/provisioning/service/runtime/step_fold.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/engine/event_stream.h"
#include "services/provisioning/service/runtime/recovery_plan.h"

namespace stratus::provisioning::service {
namespace {

using Progress = v1::RunEvent::ResourceProgress;

constexpr size_t kLogBytesMax = 4 << 10;
constexpr size_t kCutBytesMax = 64 << 10;  // what lies beyond is never told

absl::Time TimeOf(const v1::RunEvent& event) {
  if (!event.has_time()) return absl::Now();
  return domain::FromProto(event.time());
}

store::LedgerRow RowOf(const engine::Line& line) {
  const Progress& progress = line.event->progress();
  store::LedgerRow row;
  row.address = LedgerKey(line.address, progress.action());
  row.resource_type = line.resource_type;
  row.action = progress.action();
  row.phase = progress.phase();
  row.id_key = line.id_key;
  row.id = line.id;
  row.started = TimeOf(*line.event);
  return row;
}

bool IsChatter(const v1::RunEvent& event) {
  return event.has_log() || (event.has_progress() && event.progress().phase() == Progress::PHASE_PROGRESS);
}

}  // namespace

std::string ValidUtf8(std::string_view text) {
  const std::string quoted = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(quoted).get<std::string>();
}

void StepFold::Add(std::string_view line, StepBatch* batch) {
  if (raw_wanted_) {
    if (raw_.size() + line.size() <= kRawBytesMax) raw_.append(line);
    return;
  }
  absl::StatusOr<engine::Line> parsed = engine::ParseLine(line, redactor_);
  if (!parsed.ok()) return AddLog(line, batch);
  if (!parsed->event) return;
  Note(*parsed->event, parsed->summary_of);
  if (parsed->ledger && parsed->event->has_progress()) {
    touched_ = true;
    store::LedgerRow row = RowOf(*parsed);
    // The row says when it began, whatever came later.
    if (row.phase == Progress::PHASE_STARTED) {
      began_[row.address] = row.started;
    } else if (const auto began = began_.find(row.address); began != began_.end()) {
      row.started = began->second;
    }
    if (batch != nullptr) {
      batch->ledger[row.address] = row;
    }
  }
  Keep(*std::move(parsed->event), batch);
}

void StepFold::Note(const v1::RunEvent& event, std::string_view summary_of) {
  if (event.has_diagnostic() && event.diagnostic().severity() == v1::Diagnostic::SEVERITY_ERROR &&
      errors_.size() < kDiagnosticsMax) {
    errors_.push_back(event.diagnostic());
  }
  if (event.has_planned_change() && planned_.size() < kChangesMax) planned_.push_back(event.planned_change());
  if (event.has_resource_drift() && drift_.size() < kChangesMax) drift_.push_back(event.resource_drift());
  if (event.has_summary() && summary_of == "plan") plan_summary_ = event.summary();
}

void StepFold::AddLog(std::string_view line, StepBatch* batch) {
  // Redacted before it is cut: of a secret at the cut, the first half would be told. The first cut is far beyond what
  // is told, unless most of it was redacted.
  std::string text =
      redactor_.Apply(core::ToStd(absl::StripAsciiWhitespace(core::ToAbsl(line.substr(0, kCutBytesMax)))));
  if (line.size() > kCutBytesMax) text.resize(text.size() - std::min(text.size(), engine::Redactor::kFragmentBytes));
  if (text.empty()) return;
  if (text.size() > kLogBytesMax) text.resize(kLogBytesMax);
  text = ValidUtf8(text);
  v1::RunEvent event;
  *event.mutable_time() = domain::ToProto(absl::Now());
  event.mutable_log()->set_level("info");
  event.mutable_log()->set_message(std::move(text));
  Keep(std::move(event), batch);
}

void StepFold::Keep(v1::RunEvent event, StepBatch* batch) {
  if (++events_ > kEventsMax && IsChatter(event)) return;
  if (batch != nullptr) batch->events.push_back(std::move(event));
}

}  // namespace stratus::provisioning::service
