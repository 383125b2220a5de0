#include "services/provisioning/service/runtime/run_error.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {
namespace {

constexpr size_t kDiagnosticsMax = 10;
constexpr size_t kDetailBytesMax = 2 << 10;
constexpr size_t kMessageBytesMax = 1 << 10;

bool IsNameCharacter(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; }

// Whether `text` has `before` + `name`, and the name ends there.
bool Names(std::string_view text, std::string_view before, std::string_view name) {
  const std::string wanted = std::string(before).append(name);
  for (size_t at = text.find(wanted); at != text.npos; at = text.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    if (end == text.size() || !IsNameCharacter(text[end])) return true;
  }
  return false;
}

// Cut between characters of UTF-8.
std::string Cut(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)).append("...");
}

void AddInfo(std::string_view reason, google::rpc::Status* status) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("provisioning.stratus");
  status->add_details()->PackFrom(info);
}

std::string MessageOf(const std::vector<v1::Diagnostic>& errors, std::string_view error_text) {
  if (errors.empty()) {
    return error_text.empty() ? "the engine failed without a word"
                              : absl::StrCat("the engine failed: ", Cut(error_text, kMessageBytesMax));
  }
  const v1::Diagnostic& first = errors.front();
  std::string message = first.summary();
  if (!first.address().empty()) absl::StrAppend(&message, " (", first.address(), ")");
  if (!first.detail().empty()) absl::StrAppend(&message, ": ", first.detail());
  if (errors.size() > 1) absl::StrAppend(&message, " (and ", errors.size() - 1, " more)");
  return Cut(message, kMessageBytesMax);
}

}  // namespace

std::string VariableOf(const v1::Diagnostic& diagnostic, const v1::Module& module) {
  constexpr std::string_view kVariable = "var.";
  const std::string& address = diagnostic.address();
  if (address.compare(0, kVariable.size(), kVariable) == 0) return address.substr(kVariable.size());
  // A resource's failure may quote a variable too; only what is said of no resource is about the variable itself.
  if (!diagnostic.address().empty() || !absl::StrContains(diagnostic.summary(), "ariable")) return "";
  const std::string text = absl::StrCat(diagnostic.summary(), "\n", diagnostic.detail());
  for (const v1::Variable& variable : module.variables()) {
    if (Names(text, "var.", variable.name()) || Names(text, "variable \"", variable.name())) return variable.name();
  }
  return "";
}

google::rpc::Status EngineError(const std::vector<v1::Diagnostic>& errors, const v1::Module& module,
                                std::string_view error_text) {
  google::rpc::Status status;
  status.set_message(MessageOf(errors, error_text));
  google::rpc::BadRequest violations;
  for (const v1::Diagnostic& error : errors) {
    const std::string variable = VariableOf(error, module);
    if (variable.empty()) continue;
    auto* violation = violations.add_field_violations();
    violation->set_field(variable);
    violation->set_description(Cut(error.detail().empty() ? error.summary() : error.detail(), kMessageBytesMax));
  }
  const bool invalid = violations.field_violations_size() > 0;
  status.set_code(
      static_cast<int>(invalid ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kFailedPrecondition));
  if (invalid) status.add_details()->PackFrom(violations);
  AddInfo(invalid ? "VARIABLES_REFUSED" : "ENGINE_FAILED", &status);
  for (size_t i = 0; i < std::min(errors.size(), kDiagnosticsMax); ++i) {
    v1::Diagnostic diagnostic = errors[i];
    diagnostic.set_detail(Cut(diagnostic.detail(), kDetailBytesMax));
    status.add_details()->PackFrom(diagnostic);
  }
  return status;
}

std::string LimitSentence(std::string_view exceeded, const engine::Limits& limits) {
  const auto mebibytes = [](int64_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); };
  if (exceeded == "memory") {
    return absl::StrCat("the run was ended: its processes took more than ", mebibytes(limits.memory_bytes),
                        " of memory (--run-memory-mb)");
  }
  if (exceeded == "disk") {
    return absl::StrCat("the run was ended: its files took more than ", mebibytes(limits.disk_bytes),
                        " (--run-disk-mb)");
  }
  if (exceeded == "files") {
    return absl::StrCat("the run was ended: it made more than ", limits.files_max, " files (--run-files)");
  }
  if (exceeded == "output") {
    return absl::StrCat("the run was ended: it printed more than ", mebibytes(limits.output_bytes),
                        " (--run-output-mb)");
  }
  return absl::StrCat("the run was ended: it had ", limits.processes,
                      " processes, threads counted, and may have no more (--run-processes)");
}

google::rpc::Status RunFailure(absl::StatusCode code, std::string_view reason, std::string_view message) {
  google::rpc::Status status;
  status.set_code(static_cast<int>(code));
  status.set_message(std::string(message));
  AddInfo(reason, &status);
  return status;
}

}  // namespace stratus::provisioning::service
