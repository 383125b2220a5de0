// Filters of lists as SQL conditions. Values go into parameters, never into the text.
#pragma once

#include <cstdint>
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

// A condition on the tables `stacks s` or `runs r`; empty for an empty filter. `tenant` is the placeholder of the
// tenant. INVALID_ARGUMENT says what is wrong and where.
absl::StatusOr<std::string> StackCondition(std::string_view filter, std::string_view tenant, SqlBuilder* builder);
absl::StatusOr<std::string> RunCondition(std::string_view filter, SqlBuilder* builder);

}  // namespace stratus::provisioning::store
