// The variables of a stack, against what its module declares.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "services/provisioning/domain/violations.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::domain {

inline constexpr size_t kVariablesBytesMax = 256 << 10;  // of all variables as JSON

// Adds every violation under `variables.NAME...`: unknown names (with near ones), missing required ones, values that do
// not fit the schema (variable_schema.h has the rules), more than kVariablesBytesMax of them. `null` for a variable
// that is not nullable is refused: it is left out to get its default.
void CheckVariables(const google::protobuf::Struct& variables, const v1::Module& module, Violations* violations);

// The part that may be shown, and the names of the sensitive variables that are set, in order.
struct ShownVariables {
  google::protobuf::Struct shown;
  std::vector<std::string> sensitive;
};
ShownVariables HideSensitive(const google::protobuf::Struct& variables, const v1::Module& module);

}  // namespace stratus::provisioning::domain
