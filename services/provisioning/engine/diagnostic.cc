#include "services/provisioning/engine/diagnostic.h"

#include <cstdint>
#include <limits>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/provisioning/engine/json_text.h"
#include "services/provisioning/engine/workspace.h"

namespace stratus::provisioning::engine {
namespace {

using nlohmann::json;

// The name that follows `before` in `text`, up to what cannot be part of one.
std::string NameAfter(std::string_view text, std::string_view before) {
  const size_t at = text.find(before);
  if (at == std::string_view::npos) return "";
  text.remove_prefix(at + before.size());
  size_t size = 0;
  while (size < text.size() &&
         (absl::ascii_isalnum(static_cast<unsigned char>(text[size])) || text[size] == '_' || text[size] == '-')) {
    ++size;
  }
  return std::string(text.substr(0, size));
}

std::string LocationOf(const json& diagnostic) {
  const json& range = Member(diagnostic, "range");
  const std::string file = Text(range, "filename");
  // The variables' file is ours: no place in the module.
  if (file.empty() || file == kVariablesFile) return "";
  const int64_t line = Number(Member(range, "start"), "line", 1, std::numeric_limits<int32_t>::max());
  return line == 0 ? file : absl::StrCat(file, ":", line);
}

}  // namespace

std::string VariableOf(const json& diagnostic) {
  const std::string code = Text(Member(diagnostic, "snippet"), "code");
  // A missing value, or one that a validation block refused: the declaration is shown.
  if (code.starts_with("variable \"")) return NameAfter(code, "variable \"");
  const std::string detail = Text(diagnostic, "detail");
  // A value of another type.
  if (detail.find("declared at ") != std::string::npos) return NameAfter(detail, "suitable for var.");
  return NameAfter(detail, "not declare a variable named \"");
}

v1::Diagnostic ToDiagnostic(const json& diagnostic, const Redactor& redactor) {
  v1::Diagnostic proto;
  proto.set_severity(Text(diagnostic, "severity") == "warning" ? v1::Diagnostic::SEVERITY_WARNING
                                                               : v1::Diagnostic::SEVERITY_ERROR);
  proto.set_summary(redactor.Apply(Text(diagnostic, "summary")));
  proto.set_detail(redactor.Apply(Text(diagnostic, "detail")));
  proto.set_address(redactor.Address(Text(diagnostic, "address")));
  if (const std::string variable = VariableOf(diagnostic); !variable.empty()) proto.set_address("var." + variable);
  proto.set_location(LocationOf(diagnostic));
  return proto;
}

}  // namespace stratus::provisioning::engine
