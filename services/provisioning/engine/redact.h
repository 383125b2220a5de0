// Takes secret values out of texts before they are stored, logged or returned.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stratus::provisioning::engine {

class Redactor {
 public:
  Redactor() = default;
  // Values of fewer than 4 bytes are left alone: they would blank half of every text. JSON- and percent-escaped forms
  // of a value are found as well.
  explicit Redactor(std::vector<std::string> secrets);

  // `text` with each occurrence replaced by `(redacted)`.
  std::string Apply(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;  // longest first
};

}  // namespace stratus::provisioning::engine
