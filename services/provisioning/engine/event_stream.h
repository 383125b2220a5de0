// One line of the engine's -json stream, read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/engine/redact.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::engine {

struct Line {
  // What watchers see; none for lines that tell nothing (version, refresh progress).
  std::optional<v1::RunEvent> event;
  // For the ledger: set for apply_start, apply_complete, apply_errored of managed resources.
  bool ledger = false;
  // As the engine has them, for the service alone: a key within the address may be secret, and the event tells it
  // redacted.
  std::string address, resource_type, id_key, id;
  // The values of an `outputs` line, as the engine gave them: {name: {value, type, sensitive}}; else empty. Never
  // logged.
  std::string outputs_json;
  // A change_summary line: of which operation (`plan`, `apply`, `destroy`).
  std::string summary_of;
  // A diagnostic about an input variable: its name, without `var.`; the event's diagnostic has `var.NAME` as address.
  std::string variable;
};

// INVALID_ARGUMENT: not a line of the stream (a crash's text, a torn write); the caller keeps it, redacted, as a
// LogLine. Source excerpts of diagnostics are dropped: they quote the variables' file, secrets and all.
absl::StatusOr<Line> ParseLine(std::string_view text, const Redactor& redactor);

}  // namespace stratus::provisioning::engine
