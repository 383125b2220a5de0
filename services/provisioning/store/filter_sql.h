// Filters of lists as SQL conditions. Values go into parameters, never into the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

// A statement in the making, with the values of its parameters.
class SqlBuilder {
 public:
  // Keeps `value` and returns what stands for it: `$3`.
  std::string Add(int64_t value);
  std::string Add(std::string value);
  // Views of what was added; valid until the builder changes.
  std::vector<Param> params() const;

 private:
  std::vector<std::variant<int64_t, std::string>> values_;
};

// A label that a stack must have, with this value when there is one.
struct RequiredLabel {
  std::string name;
  std::optional<std::string> value;
};

// A condition on the table `stacks s`; empty for an empty filter.
struct StackFilter {
  std::string condition;
  // What the condition requires of every stack that it lets through: each may be used to find them.
  std::vector<RequiredLabel> required;
};

// INVALID_ARGUMENT says what is wrong and where.
absl::StatusOr<StackFilter> CompileStackFilter(std::string_view filter, SqlBuilder* builder);
// A condition on the table `runs r`.
absl::StatusOr<std::string> CompileRunFilter(std::string_view filter, SqlBuilder* builder);
// A condition on the table `audit a`.
absl::StatusOr<std::string> CompileAuditFilter(std::string_view filter, SqlBuilder* builder);

}  // namespace stratus::provisioning::store
