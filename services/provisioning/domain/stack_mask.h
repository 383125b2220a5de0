// UpdateStack's update_mask: which paths it may name, and which of them it does.
#pragma once

#include <set>
#include <string>

#include "google/protobuf/field_mask.pb.h"
#include "services/provisioning/domain/violations.h"

namespace stratus::provisioning::domain {

struct StackMask {
  bool all_variables = false;
  std::set<std::string> variables;  // single ones, where all_variables is false
  bool all_labels = false;
  std::set<std::string> labels;  // single ones; a key is all that follows `labels.`, dots too
  bool approval_policy = false;
  bool other_approver = false;
  bool is_protected = false;
  bool expiration = false;
  bool drift_interval = false;

  bool names_variables() const { return all_variables || !variables.empty(); }
};

// Adds a violation for an empty mask, and for each path that cannot be updated.
StackMask ParseStackMask(const google::protobuf::FieldMask& mask, Violations* violations);

}  // namespace stratus::provisioning::domain
