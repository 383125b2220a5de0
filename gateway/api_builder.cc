#include "gateway/api_builder.h"

#include <utility>

#include "lib/core/log.h"

namespace stratus::gateway {

absl::StatusOr<Api> ApiBuilder::Build(google::protobuf::FileDescriptorSet descriptors) const {
  proxy::SnapshotOptions options;
  options.descriptors = std::move(descriptors);
  options.auth_rules = auth_rules;
  options.cache_rules = cache_rules;
  options.upstreams = upstream_services;
  auto snapshot = proxy::Snapshot::Build(std::move(options));
  // Whatever is wrong with a set (two routes for one request are ALREADY_EXISTS) is the set's fault.
  if (!snapshot.ok()) return absl::InvalidArgumentError(snapshot.status().message());
  if (pages.auth) {
    for (const std::string& method : (*snapshot)->policies().denied_methods()) {
      core::Log(core::Severity::kWarning, "method has no authorization option or rule: every call is denied",
                {{"method", method}});
    }
  }
  auto built_pages = Pages::Create(pages, *snapshot);
  if (!built_pages.ok()) return built_pages.status();
  return Api{*std::move(snapshot), *std::move(built_pages)};
}

}  // namespace stratus::gateway
