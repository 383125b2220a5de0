#include "gateway/proxy/method_table.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/proxy/entity_tag.h"
#include "gateway/proxy/http_body.h"
#include "google/api/annotations.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "lib/rpc/health_descriptor.h"
#include "stratus/gateway/v1/caching.pb.h"
#include "stratus/gateway/v1/waiting.pb.h"

namespace stratus::gateway::proxy {
namespace {

// Not ours to annotate.
constexpr std::string_view kWaitOperation = "google.longrunning.Operations.WaitOperation";

namespace pb = google::protobuf;

constexpr char kHttpBody[] = "google.api.HttpBody";
constexpr char kHealthService[] = "grpc.health.v1.Health";
constexpr char kReflectionV1[] = "grpc.reflection.v1.ServerReflection";
constexpr char kReflectionV1Alpha[] = "grpc.reflection.v1alpha.ServerReflection";

// Collects what the pool has against a file, for one message.
class Errors final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    if (!text_.empty()) absl::StrAppend(&text_, "; ");
    if (text_.size() < 2000) absl::StrAppend(&text_, file, ": ", element, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Pattern {
  std::string method;
  std::string path;
};

absl::StatusOr<Pattern> PatternOf(const google::api::HttpRule& rule, const std::string& name) {
  switch (rule.pattern_case()) {
    case google::api::HttpRule::kGet: return Pattern{"GET", rule.get()};
    case google::api::HttpRule::kPut: return Pattern{"PUT", rule.put()};
    case google::api::HttpRule::kPost: return Pattern{"POST", rule.post()};
    case google::api::HttpRule::kDelete: return Pattern{"DELETE", rule.delete_()};
    case google::api::HttpRule::kPatch: return Pattern{"PATCH", rule.patch()};
    case google::api::HttpRule::kCustom: return Pattern{rule.custom().kind(), rule.custom().path()};
    default: return absl::InvalidArgumentError(absl::StrCat(name, ": its google.api.http rule has no path"));
  }
}

std::string_view ServiceOf(std::string_view grpc_path) {
  if (grpc_path.empty() || grpc_path[0] != '/') return {};
  const size_t end = grpc_path.find('/', 1);
  return end == std::string_view::npos ? std::string_view() : grpc_path.substr(1, end - 1);
}

// How much of a rule's selector fits a method, or -1: the more, the closer the rule.
int Fit(const std::string& selector, const std::string& full_name) {
  if (selector == full_name) return static_cast<int>(selector.size()) + 1;
  if (selector.size() < 2 || !absl::EndsWith(selector, ".*")) return -1;
  const absl::string_view prefix(selector.data(), selector.size() - 1);
  return absl::StartsWith(full_name, prefix) ? static_cast<int>(prefix.size()) : -1;
}

const CacheRule* FindCacheRule(const std::vector<CacheRule>& rules, const Method& method) {
  const CacheRule* best = nullptr;
  int best_fit = -1;
  for (const CacheRule& rule : rules) {
    const int fit = Fit(rule.selector, method.full_name);
    if (fit <= best_fit) continue;
    best_fit = fit;
    best = &rule;
  }
  return best;
}

void ApplyCacheRule(const CacheRule& rule, Method* method) {
  method->cache_control = rule.cache_control;
  method->cacheable = rule.keep && !method->client_streaming && !method->server_streaming;
  method->cache_shared = rule.shared;
  method->cache_vary = rule.vary;
}

// A configured rule, else the method's own word.
absl::Status ApplyCaching(const std::vector<CacheRule>& rules, Method* method) {
  if (const CacheRule* rule = FindCacheRule(rules, *method)) {
    ApplyCacheRule(*rule, method);
    return absl::OkStatus();
  }
  const pb::MethodOptions& options = method->descriptor->options();
  if (!options.HasExtension(gateway::v1::caching)) return absl::OkStatus();
  const gateway::v1::Caching& caching = options.GetExtension(gateway::v1::caching);
  if (!caching.cache_control().empty() && !IsHeaderSafe(caching.cache_control())) {
    return absl::InvalidArgumentError(
        absl::StrCat(method->full_name, ": caching.cache_control is not the text of a header"));
  }
  for (const std::string& name : caching.vary()) {
    if (!IsHeaderName(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat(method->full_name, ": caching.vary must be names of headers in lower case"));
    }
  }
  ApplyCacheRule({.selector = method->full_name,
                  .cache_control = caching.cache_control(),
                  .keep = caching.keep(),
                  .shared = caching.shared(),
                  .vary = {caching.vary().begin(), caching.vary().end()}},
                 method);
  return absl::OkStatus();
}

absl::Status InRoute(const Method& method, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(method.full_name, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Snapshot>> Snapshot::Build(SnapshotOptions options) {
  std::shared_ptr<Snapshot> snapshot(new Snapshot);
  for (size_t i = 0; i < options.upstreams.size(); ++i) {
    if (options.upstreams[i].empty()) {
      if (snapshot->default_upstream_ >= 0) {
        return absl::InvalidArgumentError("two upstreams take every service: name the services of one of them");
      }
      snapshot->default_upstream_ = static_cast<int>(i);
    }
    for (const std::string& service : options.upstreams[i]) {
      if (!snapshot->upstream_by_service_.emplace(service, static_cast<int>(i)).second) {
        return absl::InvalidArgumentError(absl::StrCat("two upstreams are given for the service ", service));
      }
    }
  }
  snapshot->cache_rules_ = std::move(options.cache_rules);
  snapshot->fingerprint_ = Fingerprint(options.descriptors.SerializeAsString(), 0);
  if (absl::Status status = snapshot->LoadFiles(options.descriptors); !status.ok()) return status;
  auto policies = auth::PolicyTable::Compile(snapshot->services_, options.auth_rules);
  if (!policies.ok()) return policies.status();
  snapshot->policies_ = std::make_unique<auth::PolicyTable>(*std::move(policies));
  for (const pb::ServiceDescriptor* service : snapshot->services_) {
    if (absl::Status status = snapshot->AddService(*service); !status.ok()) return status;
  }
  snapshot->BuildCatalog();
  return snapshot;
}

absl::Status Snapshot::LoadFiles(const pb::FileDescriptorSet& set) {
  std::vector<std::string> names;
  for (const pb::FileDescriptorProto& file : set.file()) {
    pb::FileDescriptorProto known;
    if (files_.FindFileByName(file.name(), &known)) continue;  // the same import in two sets
    if (!files_.Add(file)) return absl::InvalidArgumentError(absl::StrCat("descriptors: ", file.name(), " is invalid"));
    names.push_back(file.name());
  }
  // gRPC serves health without a generated descriptor, so few sets hold it.
  if (pb::FileDescriptorProto known; !files_.FindFileContainingSymbol(kHealthService, &known)) {
    files_.Add(rpc::HealthFile());
  }
  // Types that error details use are always known, also where the descriptors do not name them.
  // So is reflection, which the gateway answers itself.
  grpc::reflection::v1::ServerReflectionRequest::descriptor();
  grpc::reflection::v1alpha::ServerReflectionRequest::descriptor();
  linked_files_ = std::make_unique<pb::DescriptorPoolDatabase>(*pb::DescriptorPool::generated_pool());
  all_files_ = std::make_unique<pb::MergedDescriptorDatabase>(&files_, linked_files_.get());
  Errors errors;
  pool_ = std::make_unique<pb::DescriptorPool>(all_files_.get(), &errors);
  std::vector<std::string> compiled = names;
  for (const pb::FileDescriptor* file :
       {google::rpc::Status::descriptor()->file(), google::rpc::ErrorInfo::descriptor()->file()}) {
    compiled.push_back(std::string(file->name()));
  }
  for (const std::string& name : compiled) {
    const pb::FileDescriptor* file = pool_->FindFileByName(name);
    if (file == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "descriptors: ", name, " does not load: ", errors.text().empty() ? "an import is missing" : errors.text()));
    }
  }
  for (const std::string& name : names) {
    const pb::FileDescriptor* file = pool_->FindFileByName(name);
    for (int i = 0; i < file->service_count(); ++i) services_.push_back(file->service(i));
  }
  auto schema = transcode::Schema::Compile(*pool_, compiled);
  if (!schema.ok()) return schema.status();
  schema_ = *std::move(schema);
  file_names_ = std::move(compiled);
  return absl::OkStatus();
}

void Snapshot::BuildCatalog() {
  std::vector<const pb::FileDescriptor*> files;
  for (const std::string& name : file_names_) files.push_back(pool_->FindFileByName(name));
  std::vector<std::string> names;
  for (const pb::ServiceDescriptor* service : services_) {
    if (HasUpstream(service->full_name())) names.push_back(service->full_name());
  }
  std::vector<std::string> own = {kReflectionV1, kReflectionV1Alpha};
  if (HasUpstream(kHealthService)) own.push_back(kHealthService);
  for (const std::string& name : own) {
    const pb::ServiceDescriptor* service = pool_->FindServiceByName(name);
    if (service == nullptr) continue;  // the set has something else in its file's place
    files.push_back(service->file());
    names.push_back(name);
  }
  catalog_ = std::make_unique<DescriptorCatalog>(files, std::move(names));
}

bool Snapshot::HasUpstream(const std::string& service) const {
  return default_upstream_ >= 0 || upstream_by_service_.contains(service);
}

absl::Status Snapshot::AddService(const pb::ServiceDescriptor& service) {
  const auto upstream = upstream_by_service_.find(service.full_name());
  const int target = upstream != upstream_by_service_.end() ? upstream->second : default_upstream_;
  if (target < 0) {
    core::Log(core::Severity::kWarning, "no upstream serves this service", {{"service", service.full_name()}});
    return absl::OkStatus();
  }
  for (int i = 0; i < service.method_count(); ++i) {
    const pb::MethodDescriptor& descriptor = *service.method(i);
    auto method = std::make_unique<Method>();
    method->grpc_path = absl::StrCat("/", service.full_name(), "/", descriptor.name());
    method->full_name = descriptor.full_name();
    method->descriptor = &descriptor;
    method->input = schema_->Find(descriptor.input_type()->full_name());
    method->output = schema_->Find(descriptor.output_type()->full_name());
    if (method->input == nullptr || method->output == nullptr) {
      return absl::InternalError(absl::StrCat(method->full_name, ": its messages were not compiled"));
    }
    method->policy = &policies_->Find(method->grpc_path);
    method->upstream = static_cast<size_t>(target);
    method->idempotent = descriptor.options().idempotency_level() != pb::MethodOptions::IDEMPOTENCY_UNKNOWN;
    method->client_streaming = descriptor.client_streaming();
    method->server_streaming = descriptor.server_streaming();
    method->waits = descriptor.options().GetExtension(gateway::v1::waits) || method->full_name == kWaitOperation;
    if (absl::Status status = ApplyCaching(cache_rules_, method.get()); !status.ok()) return status;
    const Method& added = *methods_.emplace(method->grpc_path, std::move(method)).first->second;
    if (absl::Status status = AddBindings(added); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Snapshot::AddBindings(const Method& method) {
  const pb::MethodOptions& options = method.descriptor->options();
  if (!options.HasExtension(google::api::http)) return absl::OkStatus();
  const google::api::HttpRule& rule = options.GetExtension(google::api::http);
  if (absl::Status status = AddBinding(method, rule); !status.ok()) return status;
  for (const google::api::HttpRule& additional : rule.additional_bindings()) {
    if (absl::Status status = AddBinding(method, additional); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Snapshot::AddBinding(const Method& method, const google::api::HttpRule& rule) {
  const auto pattern = PatternOf(rule, method.full_name);
  if (!pattern.ok()) return pattern.status();
  const auto number = router_.Add(pattern->method, pattern->path, method.full_name);
  if (!number.ok()) return number.status();
  auto route = std::make_unique<Route>();
  route->method = &method;
  route->path_template = pattern->path;
  for (const std::string& variable : router_.variables(*number)) {
    auto path = transcode::ResolvePath(*method.input, variable);
    if (!path.ok()) return InRoute(method, path.status());
    route->consumed.push_back(*path);
    route->variables.push_back(*std::move(path));
  }
  if (absl::Status status = AddBody(rule, route.get()); !status.ok()) return status;
  AddUpdateMask(pattern->method, route.get());
  if (absl::Status status = AddResponseBody(rule, route.get()); !status.ok()) return status;
  if (static_cast<size_t>(*number) != routes_.size()) return absl::InternalError("routes are not numbered in order");
  routes_.push_back(std::move(route));
  return absl::OkStatus();
}

absl::Status Snapshot::AddBody(const google::api::HttpRule& rule, Route* route) {
  if (rule.body().empty()) return absl::OkStatus();
  const Method& method = *route->method;
  const pb::Descriptor* input = method.descriptor->input_type();
  if (rule.body() == "*") {
    route->body = BodyKind::kWhole;
    route->http_body_in = input->full_name() == kHttpBody;
    return absl::OkStatus();
  }
  const pb::FieldDescriptor* field = input->FindFieldByName(rule.body());
  auto path = transcode::ResolvePath(*method.input, rule.body());
  if (field == nullptr || !path.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(method.full_name, ": body `", rule.body(), "` is no field of ", input->full_name()));
  }
  route->body = BodyKind::kField;
  route->body_field = path->fields.front();
  route->body_field_number = static_cast<uint32_t>(field->number());
  route->http_body_in =
      field->message_type() != nullptr && !field->is_repeated() && field->message_type()->full_name() == kHttpBody;
  route->consumed.push_back(*std::move(path));
  return absl::OkStatus();
}

// AIP-134: PATCH of a resource that is the body, with the mask beside it.
void Snapshot::AddUpdateMask(const std::string& http_method, Route* route) {
  if (http_method != "PATCH" || route->body != BodyKind::kField || route->http_body_in) return;
  const pb::Descriptor* input = route->method->descriptor->input_type();
  const pb::FieldDescriptor* body = input->FindFieldByNumber(static_cast<int>(route->body_field_number));
  const pb::FieldDescriptor* mask = input->FindFieldByName("update_mask");
  if (body->message_type() == nullptr || body->is_repeated() || mask == nullptr || mask == body ||
      mask->is_repeated() || mask->message_type() == nullptr ||
      mask->message_type()->full_name() != "google.protobuf.FieldMask") {
    return;
  }
  auto path = transcode::ResolvePath(*route->method->input, mask->name());
  if (path.ok()) route->update_mask = path->fields.front();
}

absl::Status Snapshot::AddResponseBody(const google::api::HttpRule& rule, Route* route) {
  const Method& method = *route->method;
  const pb::Descriptor* output = method.descriptor->output_type();
  if (rule.response_body().empty()) {
    route->http_body_out = output->full_name() == kHttpBody;
    return absl::OkStatus();
  }
  const pb::FieldDescriptor* field = output->FindFieldByName(rule.response_body());
  auto path = transcode::ResolvePath(*method.output, rule.response_body());
  if (field == nullptr || !path.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(method.full_name, ": response_body `", rule.response_body(),
                                                   "` is no field of ", output->full_name()));
  }
  route->response_field = path->fields.front();
  route->response_field_number = static_cast<uint32_t>(field->number());
  route->http_body_out =
      field->message_type() != nullptr && !field->is_repeated() && field->message_type()->full_name() == kHttpBody;
  return absl::OkStatus();
}

const Method* Snapshot::FindMethod(std::string_view grpc_path) const {
  const auto at = methods_.find(core::ToAbsl(grpc_path));
  return at == methods_.end() ? nullptr : at->second.get();
}

int Snapshot::UpstreamOf(std::string_view grpc_path) const {
  const auto at = upstream_by_service_.find(core::ToAbsl(ServiceOf(grpc_path)));
  return at == upstream_by_service_.end() ? default_upstream_ : at->second;
}

absl::StatusOr<pb::FileDescriptorSet> ReadDescriptorFiles(absl::Span<const std::string> paths) {
  pb::FileDescriptorSet all;
  for (const std::string& path : paths) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return absl::NotFoundError(absl::StrCat("cannot read the descriptors ", path));
    std::stringstream bytes;
    bytes << in.rdbuf();
    pb::FileDescriptorSet set;
    if (!set.ParseFromString(bytes.str())) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " is no FileDescriptorSet: make it with protoc --include_imports --descriptor_set_out"));
    }
    all.MergeFrom(set);
  }
  return all;
}

}  // namespace stratus::gateway::proxy
