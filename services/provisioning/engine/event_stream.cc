#include "services/provisioning/engine/event_stream.h"

#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/provisioning/engine/diagnostic.h"
#include "services/provisioning/engine/json_text.h"

namespace stratus::provisioning::engine {
namespace {

using nlohmann::json;
using Progress = v1::RunEvent::ResourceProgress;

constexpr int kDepthMax = 128;  // a reader of deeper nesting may run out of stack
constexpr int64_t kCountMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kElapsedSecondsMax = 366 * 86400;

constexpr std::array<std::pair<std::string_view, v1::ResourceChange::Action>, 10> kActions = {
    {{"create", v1::ResourceChange::ACTION_CREATE},
     {"update", v1::ResourceChange::ACTION_UPDATE},
     {"replace", v1::ResourceChange::ACTION_REPLACE},
     {"delete", v1::ResourceChange::ACTION_DELETE},
     {"read", v1::ResourceChange::ACTION_READ},
     {"import", v1::ResourceChange::ACTION_IMPORT},
     {"noop", v1::ResourceChange::ACTION_NO_OP},
     {"move", v1::ResourceChange::ACTION_MOVE},
     {"remove", v1::ResourceChange::ACTION_MOVE},
     {"forget", v1::ResourceChange::ACTION_MOVE}}};

constexpr std::array<std::pair<std::string_view, Progress::Phase>, 4> kPhases = {
    {{"apply_start", Progress::PHASE_STARTED},
     {"apply_progress", Progress::PHASE_PROGRESS},
     {"apply_complete", Progress::PHASE_COMPLETED},
     {"apply_errored", Progress::PHASE_FAILED}}};

// Lines that tell a watcher nothing.
constexpr std::array<std::string_view, 3> kQuiet = {"version", "refresh_start", "refresh_complete"};

v1::ResourceChange::Action ActionOf(const std::string& name) {
  for (const auto& [known, action] : kActions) {
    if (known == name) return action;
  }
  return v1::ResourceChange::ACTION_UNSPECIFIED;
}

Progress::Phase PhaseOf(const std::string& type) {
  for (const auto& [known, phase] : kPhases) {
    if (known == type) return phase;
  }
  return Progress::PHASE_UNSPECIFIED;
}

bool IsTooDeep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      if (++depth > kDepthMax) return true;
    } else if (!quoted && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return false;
}

v1::ResourceChange ToChange(const json& change, const Redactor& redactor) {
  const json& resource = Member(change, "resource");
  v1::ResourceChange proto;
  proto.set_address(redactor.Address(Text(resource, "addr")));
  proto.set_resource_type(Text(resource, "resource_type"));
  proto.set_action(ActionOf(Text(change, "action")));
  // An import that leaves the resource as it is is still an import.
  if (proto.action() == v1::ResourceChange::ACTION_NO_OP && Member(change, "importing").is_object()) {
    proto.set_action(v1::ResourceChange::ACTION_IMPORT);
  }
  proto.set_reason(redactor.Apply(Text(change, "reason")));
  return proto;
}

void ReadProgress(const json& hook, Progress::Phase phase, const Redactor& redactor, Line* line) {
  const json& resource = Member(hook, "resource");
  Progress* progress = line->event->mutable_progress();
  progress->set_address(redactor.Address(Text(resource, "addr")));
  progress->set_action(ActionOf(Text(hook, "action")));
  progress->set_phase(phase);
  if (Member(hook, "elapsed_seconds").is_number()) {
    progress->mutable_elapsed()->set_seconds(Number(hook, "elapsed_seconds", 0, kElapsedSecondsMax));
  }
  progress->set_id(redactor.Apply(Text(hook, "id_value")));
  line->address = Text(resource, "addr");
  line->resource_type = Text(resource, "resource_type");
  line->id_key = Text(hook, "id_key");
  line->id = Text(hook, "id_value");
  // A data source makes nothing.
  const bool managed = !Text(resource, "resource").starts_with("data.");
  line->ledger = managed && phase != Progress::PHASE_PROGRESS && !line->address.empty();
}

void ReadSummary(const json& changes, Line* line) {
  v1::PlanSummary* summary = line->event->mutable_summary();
  summary->set_add(static_cast<int32_t>(Number(changes, "add", 0, kCountMax)));
  summary->set_change(static_cast<int32_t>(Number(changes, "change", 0, kCountMax)));
  summary->set_remove(static_cast<int32_t>(Number(changes, "remove", 0, kCountMax)));
  summary->set_import(static_cast<int32_t>(Number(changes, "import", 0, kCountMax)));
  line->summary_of = Text(changes, "operation");
}

// While planning only what will happen to them is told (`action`), afterwards the values.
void ReadOutputs(const json& outputs, Line* line) {
  bool planned = false;
  for (const auto& [name, output] : outputs.items()) planned = planned || Member(output, "action").is_string();
  if (!outputs.is_object() || planned) {
    line->event.reset();
    return;
  }
  v1::RunEvent::OutputsChanged* changed = line->event->mutable_outputs();
  for (const auto& [name, output] : outputs.items()) changed->add_names(name);
  line->outputs_json = outputs.dump();
}

void ReadLog(const json& object, const Redactor& redactor, Line* line) {
  const std::string message = Text(object, "@message");
  if (message.empty()) {
    line->event.reset();
    return;
  }
  const std::string level = Text(object, "@level");
  line->event->mutable_log()->set_level(level.empty() ? "info" : redactor.Apply(level));
  line->event->mutable_log()->set_message(redactor.Apply(message));
}

void ReadTime(const json& object, v1::RunEvent* event) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, Text(object, "@timestamp"), &time, nullptr)) return;
  const absl::Duration since = time - absl::UnixEpoch();
  const int64_t seconds = absl::ToUnixSeconds(time);
  event->mutable_time()->set_seconds(seconds);
  event->mutable_time()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(since - absl::Seconds(seconds))));
}

bool IsQuiet(const std::string& type) {
  for (const std::string_view quiet : kQuiet) {
    if (quiet == type) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<Line> ParseLine(std::string_view text, const Redactor& redactor) {
  if (IsTooDeep(text)) return absl::InvalidArgumentError("nested too deeply");
  const json object = json::parse(text, nullptr, false);
  // Each line of the stream has a level; a line of `show -json`, or of a module's own commands, has none.
  if (!object.is_object() || !Member(object, "@level").is_string()) {
    return absl::InvalidArgumentError("not a line of the engine's stream");
  }
  Line line;
  const std::string type = Text(object, "type");
  if (IsQuiet(type)) return line;
  ReadTime(object, &line.event.emplace());
  if (type == "planned_change") {
    *line.event->mutable_planned_change() = ToChange(Member(object, "change"), redactor);
  } else if (type == "resource_drift") {
    *line.event->mutable_resource_drift() = ToChange(Member(object, "change"), redactor);
  } else if (const Progress::Phase phase = PhaseOf(type); phase != Progress::PHASE_UNSPECIFIED) {
    ReadProgress(Member(object, "hook"), phase, redactor, &line);
  } else if (type == "change_summary") {
    ReadSummary(Member(object, "changes"), &line);
  } else if (type == "outputs") {
    ReadOutputs(Member(object, "outputs"), &line);
  } else if (type == "diagnostic") {
    *line.event->mutable_diagnostic() = ToDiagnostic(Member(object, "diagnostic"), redactor);
    line.variable = VariableOf(Member(object, "diagnostic"));
  } else {
    ReadLog(object, redactor, &line);
  }
  return line;
}

}  // namespace stratus::provisioning::engine
