#include "services/provisioning/domain/violations.h"

#include "absl/strings/str_cat.h"

namespace stratus::provisioning::domain {
namespace {

constexpr int kListedMax = 30;
constexpr size_t kBytesMax = 3000;

}  // namespace

void Violations::Add(std::string_view field, std::string_view description) {
  const size_t bytes = field.size() + description.size() + 8;
  if (++count_ > kListedMax || (count_ > 1 && bytes_ + bytes > kBytesMax)) {
    ++unlisted_;
    return;
  }
  bytes_ += bytes;
  listed_.Add(field, description);
}

absl::Status Violations::ToStatus() const {
  if (unlisted_ == 0) return listed_.ToStatus();
  core::FieldViolations all = listed_;
  all.Add("(more)", absl::StrCat(unlisted_, " more are not listed"));
  return all.ToStatus();
}

}  // namespace stratus::provisioning::domain
