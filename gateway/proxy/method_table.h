// Everything that follows from a set of descriptors, compiled once and never changed: a reload makes a new Snapshot and
// swaps the pointer, while calls under way keep the one they began with.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gateway/proxy/descriptor_catalog.h"
#include "gateway/route/router.h"
#include "gateway/transcode/transcode.h"
#include "google/api/http.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/descriptor_database.h"
#include "lib/auth/policy.h"

namespace stratus::gateway::proxy {

struct Method {
  std::string grpc_path;  // `/pkg.Service/Method`
  std::string full_name;  // `pkg.Service.Method`
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  const transcode::MessageTable* input = nullptr;
  const transcode::MessageTable* output = nullptr;
  const auth::Policy* policy = nullptr;
  size_t upstream = 0;      // position in SnapshotOptions::upstreams
  bool idempotent = false;  // by idempotency_level: may be called again when it failed before any reply
  bool client_streaming = false;
  bool server_streaming = false;
  bool waits = false;         // on purpose: `option (stratus.gateway.v1.waits)`, or WaitOperation
  std::string cache_control;  // of what a GET gives, unless the service says something; empty: none
  // Whether replies may be kept at the gateway, for whom, and by which request headers they differ: by a CacheRule,
  // else by `option (stratus.gateway.v1.caching)`.
  bool cacheable = false;
  bool cache_shared = false;
  std::vector<std::string> cache_vary;
};

enum class BodyKind : uint8_t { kNone, kWhole, kField };

// One HTTP binding of a method.
struct Route {
  const Method* method = nullptr;
  std::string path_template;
  BodyKind body = BodyKind::kNone;
  const transcode::FieldTable* body_field = nullptr;  // with kField
  uint32_t body_field_number = 0;
  // The request's `update_mask`, where a PATCH that does not give it means what its body names; null elsewhere.
  const transcode::FieldTable* update_mask = nullptr;
  bool http_body_in = false;  // the body is a google.api.HttpBody: raw bytes
  const transcode::FieldTable* response_field = nullptr;
  uint32_t response_field_number = 0;
  bool http_body_out = false;
  std::vector<transcode::FieldPath> variables;  // by route::Capture::variable
  std::vector<transcode::FieldPath> consumed;   // what the query may not set: variables and the body's field
};

// A Cache-Control for methods by `pkg.Service.Method`, `pkg.Service.*` or `pkg.*`. The longest selector that matches
// wins.
struct CacheRule {
  std::string selector;
  std::string cache_control;
  bool keep = false;  // replies, at the gateway
  bool shared = false;
  std::vector<std::string> vary;
};

struct SnapshotOptions {
  google::protobuf::FileDescriptorSet descriptors;
  std::vector<auth::Rule> auth_rules;
  std::vector<CacheRule> cache_rules;
  // The services that each upstream was given; an empty list: every service that no other upstream names.
  std::vector<std::vector<std::string>> upstreams;
};

class Snapshot {
 public:
  // INVALID_ARGUMENT names the file, method or route at fault.
  static absl::StatusOr<std::shared_ptr<const Snapshot>> Build(SnapshotOptions options);

  const route::Router& router() const { return router_; }
  const Route& route(int number) const { return *routes_[static_cast<size_t>(number)]; }
  size_t route_count() const { return routes_.size(); }
  const transcode::Schema& schema() const { return *schema_; }
  const auth::PolicyTable& policies() const { return *policies_; }
  const google::protobuf::DescriptorPool& pool() const { return *pool_; }
  const std::vector<const google::protobuf::ServiceDescriptor*>& services() const { return services_; }
  // What server reflection answers from: the services that have an upstream, health where one upstream takes what the
  // descriptors do not name, and reflection itself.
  const DescriptorCatalog& catalog() const { return *catalog_; }

  // Differs where the descriptors differ.
  uint64_t fingerprint() const { return fingerprint_; }

  // By `/pkg.Service/Method`; null when the descriptors do not hold it.
  const Method* FindMethod(std::string_view grpc_path) const;
  // Where a path goes that FindMethod does not know: by its service's name, else the upstream that takes all others.
  // -1 when there is none.
  int UpstreamOf(std::string_view grpc_path) const;

 private:
  Snapshot() = default;

  absl::Status LoadFiles(const google::protobuf::FileDescriptorSet& set);
  void BuildCatalog();
  bool HasUpstream(const std::string& service) const;
  absl::Status AddService(const google::protobuf::ServiceDescriptor& service);
  absl::Status AddBindings(const Method& method);
  absl::Status AddBinding(const Method& method, const google::api::HttpRule& rule);
  absl::Status AddBody(const google::api::HttpRule& rule, Route* route);
  void AddUpdateMask(const std::string& http_method, Route* route);
  absl::Status AddResponseBody(const google::api::HttpRule& rule, Route* route);

  google::protobuf::SimpleDescriptorDatabase files_;
  std::unique_ptr<google::protobuf::DescriptorDatabase> linked_files_;
  std::unique_ptr<google::protobuf::DescriptorDatabase> all_files_;
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::vector<const google::protobuf::ServiceDescriptor*> services_;
  std::vector<std::string> file_names_;  // of the set and of error details
  std::unique_ptr<DescriptorCatalog> catalog_;
  std::shared_ptr<const transcode::Schema> schema_;
  std::unique_ptr<auth::PolicyTable> policies_;
  route::Router router_;
  std::vector<std::unique_ptr<Route>> routes_;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods_;
  absl::flat_hash_map<std::string, int> upstream_by_service_;
  int default_upstream_ = -1;
  std::vector<CacheRule> cache_rules_;
  uint64_t fingerprint_ = 0;
};

// Reads files that hold a serialized google.protobuf.FileDescriptorSet (`protoc --descriptor_set_out
// --include_imports`), and joins them. An error names the file.
absl::StatusOr<google::protobuf::FileDescriptorSet> ReadDescriptorFiles(absl::Span<const std::string> paths);

}  // namespace stratus::gateway::proxy
