#include "services/provisioning/domain/stack_mask.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/provisioning/domain/near_names.h"

namespace stratus::provisioning::domain {
namespace {

constexpr int kPathsMax = 200;

const std::vector<std::string>& Updatable() {
  static const auto& paths =
      *new std::vector<std::string>{"variables",   "labels", "approval_policy", "other_approver_required", "protected",
                                    "expire_time", "ttl",    "drift_interval"};
  return paths;
}

bool TakeMember(std::string_view path, std::string_view prefix, std::set<std::string>* members) {
  if (path.size() <= prefix.size() || path.substr(0, prefix.size()) != prefix) return false;
  members->insert(std::string(path.substr(prefix.size())));
  return true;
}

bool TakePath(const std::string& path, StackMask* mask) {
  if (path == "variables") return mask->all_variables = true;
  if (path == "labels") return mask->all_labels = true;
  if (path == "approval_policy") return mask->approval_policy = true;
  if (path == "other_approver_required") return mask->other_approver = true;
  if (path == "protected") return mask->is_protected = true;
  if (path == "expire_time" || path == "ttl") return mask->expiration = true;
  if (path == "drift_interval") return mask->drift_interval = true;
  return TakeMember(path, "variables.", &mask->variables) || TakeMember(path, "labels.", &mask->labels);
}

}  // namespace

StackMask ParseStackMask(const google::protobuf::FieldMask& mask, Violations* violations) {
  StackMask result;
  if (mask.paths().empty()) violations->Add("update_mask", "is required: it names what to change");
  if (mask.paths_size() > kPathsMax) {
    violations->Add("update_mask", absl::StrCat("has more than ", kPathsMax, " paths"));
    return result;
  }
  for (const std::string& path : mask.paths()) {
    if (TakePath(path, &result)) continue;
    const std::string shown = path.substr(0, 64);
    violations->Add("update_mask", absl::StrCat("`", shown, "` cannot be updated", DidYouMean(path, Updatable())));
  }
  return result;
}

}  // namespace stratus::provisioning::domain
