// Takes secret values out of texts before they are stored, logged or returned. What it finds and what it cannot is told
// to users in docs/reference/redaction.md.
//
//   const Redactor redactor({"tr0ub4dor", private_key});
//   redactor.Apply("the password is tr0ub4dor");  // the password is (redacted)
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stratus::provisioning::engine {

class Redactor {
 public:
  // What stands where a secret was.
  static constexpr std::string_view kInstead = "(redacted)";
  // Values of fewer bytes are left alone: they would blank half of every text.
  static constexpr size_t kSecretBytesMin = 4;
  // What has so many bytes, white space not counted, is found however it is broken by white space.
  static constexpr size_t kFoldedBytesMin = 8;
  // So many bytes in a row of a secret, or of one of its forms, are taken out also where the rest of it is not there:
  // cut off, or on another line.
  static constexpr size_t kFragmentBytes = 16;
  // Of all secrets together. With more than that it withholds.
  static constexpr size_t kAllBytesMax = size_t{64} << 10;
  // What a text has beyond that is left out, and a few bytes in front of the cut, which might be the half of a secret.
  static constexpr size_t kTextBytesMax = size_t{1} << 20;

  // Takes nothing out.
  Redactor() = default;
  // Every form (secret_forms.h) of each is taken out.
  explicit Redactor(const std::vector<std::string>& secrets);

  // Of secrets that are too many to look for, or not known: gives no free text out at all.
  static Redactor Withholding();
  bool withholds() const { return withholds_; }

  // `text` with what is secret in it replaced by `(redacted)`; all of it when it withholds. Linear in the text,
  // whatever the number of secrets.
  std::string Apply(std::string_view text) const;

  // The same for a text of the service's own about resources, and for an address alone: when it withholds, only the
  // keys within (`x.y["key"]`) go.
  std::string Address(std::string_view text) const;

 private:
  struct Index;

  std::shared_ptr<const Index> index_;  // null: nothing to look for
  bool withholds_ = false;
};

}  // namespace stratus::provisioning::engine
