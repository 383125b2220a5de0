// What each sealed text is sealed for (Sealer's `context`): one place, because who seals and who opens are two rooms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {

// StackRow::sealed_variables and RunRow::sealed_variables.
inline std::string VariablesContext(std::string_view stack_uid) {
  return absl::StrCat("variables/", core::ToAbsl(stack_uid));
}
// StackRow::sealed_outputs.
inline std::string OutputsContext(std::string_view stack_uid) {
  return absl::StrCat("outputs/", core::ToAbsl(stack_uid));
}
// StateVersionRow::sealed.
inline std::string StateContext(std::string_view stack_uid, int64_t serial) {
  return absl::StrCat("state/", core::ToAbsl(stack_uid), "/", serial);
}
// A run's blob: `plan`.
inline std::string BlobContext(std::string_view run_uid, std::string_view name) {
  return absl::StrCat("blob/", core::ToAbsl(run_uid), "/", core::ToAbsl(name));
}

}  // namespace stratus::provisioning::service
