#include "gateway/openapi/document.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gateway/openapi/binding.h"
#include "gateway/openapi/comments.h"
#include "gateway/openapi/json.h"
#include "gateway/openapi/operation.h"
#include "gateway/openapi/path_key.h"
#include "gateway/openapi/responses.h"
#include "gateway/openapi/schemas.h"
#include "gateway/openapi/security.h"
#include "gateway/route/template.h"

namespace stratus::gateway::openapi {
namespace {

using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

constexpr char kGatewayTag[] = "Gateway";

// The methods that a path item of OpenAPI 3.1 has a place for. `*` of google.api.http stands for those that a client
// may be expected to use.
std::vector<std::string> OperationsFor(const std::string& http_method) {
  if (http_method == "*") return {"get", "put", "post", "delete", "patch"};
  for (const char* known : {"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}) {
    if (http_method == known) return {absl::AsciiStrToLower(http_method)};
  }
  return {};
}

class DocumentBuilder {
 public:
  explicit DocumentBuilder(const DocumentOptions& options)
      : options_(options),
        schemas_({options.preserve_proto_field_names, options.enums_as_integers}),
        security_(options.token_url) {}

  Document Build(absl::Span<const ServiceDescriptor* const> services) {
    for (const ServiceDescriptor* service : services) ++short_names_[service->name()];
    for (const ServiceDescriptor* service : services) AddService(service);
    if (!options_.health_path.empty()) AddHealth();
    Document document;
    // Comments may hold anything: bytes that are not UTF-8 become U+FFFD.
    document.json = Assemble().dump(/*indent=*/1, ' ', false, Json::error_handler_t::replace);
    document.warnings = std::move(warnings_);
    return document;
  }

 private:
  // The service's own name where no other service has it.
  std::string NameOf(const ServiceDescriptor* service) const {
    return short_names_.at(service->name()) == 1 ? service->name() : service->full_name();
  }

  void AddService(const ServiceDescriptor* service) {
    const size_t before = operation_ids_.size();
    for (int i = 0; i < service->method_count(); ++i) {
      for (const Binding& binding : BindingsOf(service->method(i))) {
        if (absl::Status status = AddBinding(binding); !status.ok()) {
          warnings_.push_back(absl::StrCat(binding.method->full_name(), ", `", binding.http_method, " ",
                                           binding.path_template, "`: ", status.message()));
        }
      }
    }
    if (operation_ids_.size() == before) return;
    Json tag = {{"name", NameOf(service)}};
    if (const std::string comment = CommentOf(service); !comment.empty()) tag["description"] = comment;
    tags_.push_back(std::move(tag));
  }

  absl::Status AddBinding(const Binding& binding) {
    const std::vector<std::string> http_methods = OperationsFor(binding.http_method);
    if (http_methods.empty()) return absl::UnimplementedError("OpenAPI 3.1 has no place for the method");
    absl::StatusOr<route::Template> parsed = route::ParseTemplate(binding.path_template);
    if (!parsed.ok()) return parsed.status();
    PathKey path = MakePathKey(*parsed);
    const auto [known, is_new] = keys_.emplace(path.shape, path);
    if (!is_new) AdoptNames(known->second, &path);
    for (const std::string& http_method : http_methods) {
      if (absl::Status status = AddOperation(binding, path, http_method); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // A binding of `*` gives way to one of the very method, whichever comes first.
  absl::Status AddOperation(const Binding& binding, const PathKey& path, const std::string& http_method) {
    Json& item = paths_[path.key];
    const bool any = binding.http_method == "*";
    const std::pair<std::string, std::string> place(path.key, http_method);
    if (item.contains(http_method)) {
      if (any) return absl::OkStatus();
      if (for_any_method_.erase(place) == 0) return absl::AlreadyExistsError("another method has this path");
    }
    absl::StatusOr<Json> operation = MakeOperation(binding, path, ContextFor(binding, http_method));
    if (!operation.ok()) return operation.status();
    operation_ids_.insert((*operation)["operationId"]);
    item[http_method] = *std::move(operation);
    if (any) for_any_method_.insert(place);
    return absl::OkStatus();
  }

  OperationContext ContextFor(const Binding& binding, const std::string& http_method) {
    const MethodDescriptor* method = binding.method;
    const std::string service = NameOf(method->service());
    std::string id = absl::StrCat(absl::StrReplaceAll(service, {{".", "_"}}), "_", method->name());
    if (binding.http_method == "*") absl::StrAppend(&id, "_", http_method);
    if (binding.index > 0) absl::StrAppend(&id, "_", binding.index + 1);
    while (operation_ids_.count(id) > 0) id += "_";
    OperationContext context{&schemas_, &security_, nullptr, std::move(id), service};
    if (options_.policy) {
      context.policy = &options_.policy(absl::StrCat("/", method->service()->full_name(), "/", method->name()));
    }
    return context;
  }

  void AddHealth() {
    Json schema = {{"type", "object"}, {"properties", {{"status", {{"type", "string"}}}}}, {"required", {"status"}}};
    Json ok = {{"description", "The gateway answers."},
               {"content", {{"application/json", {{"schema", schema}, {"example", {{"status", "ok"}}}}}}}};
    Json operation = {{"tags", Json::array({kGatewayTag})},
                      {"summary", "Whether the gateway answers"},
                      {"operationId", "Gateway_Health"},
                      {"responses", {{"200", ok}}}};
    if (options_.policy) operation["security"] = Json::array();
    paths_[options_.health_path]["get"] = std::move(operation);
    tags_.push_back({{"name", kGatewayTag}, {"description", "What the gateway answers itself."}});
  }

  Json Assemble() {
    Json info = {{"title", options_.title}};
    if (!options_.description.empty()) info["description"] = options_.description;
    info["version"] = options_.version;
    Json schemas = schemas_.TakeComponents();
    AddErrorSchemas(&schemas);
    Json paths = Json::object();
    for (auto& [key, item] : paths_) {
      if (!item.empty()) paths[key] = std::move(item);
    }
    Json components = {{"schemas", std::move(schemas)}, {"responses", ErrorResponses()}};
    if (options_.policy) components["securitySchemes"] = security_.Schemes();
    return {{"openapi", "3.1.0"},       {"info", std::move(info)},   {"servers", Json::array({{{"url", "/"}}})},
            {"tags", std::move(tags_)}, {"paths", std::move(paths)}, {"components", std::move(components)}};
  }

  const DocumentOptions& options_;
  Schemas schemas_;
  Security security_;
  std::map<std::string, int> short_names_;
  std::map<std::string, PathKey> keys_;                           // by shape
  std::map<std::string, Json> paths_;                             // by key, sorted
  std::set<std::pair<std::string, std::string>> for_any_method_;  // operations (key, method) of `*` bindings
  std::set<std::string> operation_ids_;
  Json tags_ = Json::array();
  std::vector<std::string> warnings_;
};

}  // namespace

Document Build(absl::Span<const ServiceDescriptor* const> services, const DocumentOptions& options) {
  return DocumentBuilder(options).Build(services);
}

}  // namespace stratus::gateway::openapi
