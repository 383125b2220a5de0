// List filters (AIP-160), parsed. What the fields mean, and of which type their values are, is the store's business.
//
//   module = "modules/droplet" AND (labels.env = "prod" OR NOT protected = true)
//   factor   = term { OR term }           OR binds tighter than AND, as AIP-160 has it
//   sequence = factor { [AND] factor }    AND may be left out
//   term     = [NOT | -] simple           simple = ( sequence ) | FIELD COMPARATOR VALUE
//
// A field is names joined by dots; a name that is not of letters, digits, `_` and `-` stands in quotes
// (`labels."app.kubernetes.io/name"`). A value is a bare word or a text in double or single quotes, with \" \' and \\.
// Comparators: = != < <= > >= and `:` (has).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stratus::provisioning::domain {

inline constexpr size_t kFilterBytesMax = 1000;
inline constexpr int kFilterDepthMax = 16;        // of parentheses and NOTs
inline constexpr int kFilterComparisonsMax = 50;  // each costs the database something

struct FilterNode {
  enum class Kind { kAnd, kOr, kNot, kCompare };
  enum class Comparator { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kHas };

  Kind kind = Kind::kCompare;
  std::vector<FilterNode> operands = {};  // of AND and OR two or more, of NOT one

  // Of a comparison.
  std::vector<std::string> path = {};  // `labels`, `env`
  Comparator comparator = Comparator::kEqual;
  std::string value = {};
  bool quoted = false;  // a bare `*` is a wildcard, "*" is a star
  size_t offset = 0;    // of its field in the filter, in bytes; for errors
  size_t value_offset = 0;
};

// INVALID_ARGUMENT for the field `filter`, with the column (from 1) and what is expected there. `filter` holds
// something other than blanks.
absl::StatusOr<FilterNode> ParseFilter(std::string_view filter);

// The error at `offset` of a filter.
absl::Status FilterError(size_t offset, std::string_view what);

}  // namespace stratus::provisioning::domain
