// What is wrong with a request, all of it at once and no more than a client can use.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "lib/core/status.h"

namespace stratus::provisioning::domain {

// Collects field violations; past 30 it only counts (the details must fit into a trailer of 4 KiB, lib/rpc/status.h).
class Violations {
 public:
  void Add(std::string_view field, std::string_view description);
  bool empty() const { return count_ == 0; }
  int count() const { return count_; }

  // OK when empty; else INVALID_ARGUMENT with a google.rpc.BadRequest.
  absl::Status ToStatus() const;

 private:
  core::FieldViolations listed_;
  size_t bytes_ = 0;
  int count_ = 0;
  int unlisted_ = 0;
};

}  // namespace stratus::provisioning::domain
