// A descriptor set turned into what the workers serve: routes and tables, and the pages that describe them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/pages.h"
#include "gateway/proxy/method_table.h"
#include "google/protobuf/descriptor.pb.h"
#include "lib/auth/policy.h"

namespace stratus::gateway {

struct Api {
  std::shared_ptr<const proxy::Snapshot> snapshot;
  std::shared_ptr<const Pages> pages;
};

// What stays the same from one descriptor set to the next. Safe from any thread.
struct ApiBuilder {
  std::vector<auth::Rule> auth_rules;
  std::vector<proxy::CacheRule> cache_rules;
  std::vector<std::vector<std::string>> upstream_services;
  PagesOptions pages;

  // INVALID_ARGUMENT names the file, method or routes at fault.
  absl::StatusOr<Api> Build(google::protobuf::FileDescriptorSet descriptors) const;
};

}  // namespace stratus::gateway
