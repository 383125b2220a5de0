#include "services/provisioning/service/api/openapi_overlay.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "services/provisioning/domain/variables_json.h"

namespace stratus::provisioning::service {
namespace {

using Json = nlohmann::json;

Json JsonBody(Json schema) { return {{"application/json", {{"schema", std::move(schema)}}}}; }

Json OutputsSchema(const v1::Module& module) {
  Json properties = Json::object();
  for (const v1::ModuleOutput& output : module.outputs()) {
    Json& property = properties[output.name()];
    property = Json::object();
    std::string description = output.description();
    if (output.sensitive()) {
      property["type"] = "null";
      absl::StrAppend(&description, description.empty() ? "" : " ", "Sensitive: always null here.");
    }
    if (!description.empty()) property["description"] = description;
  }
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

Json PendingSchema() {
  return {{"type", "object"},
          {"properties", {{"operation", {{"type", "string"}}}, {"done", {{"type", "boolean"}, {"const", false}}}}}};
}

Json Pending() {
  return {{"description", "Under way past the wait: Location names the operation."},
          {"headers", {{"Location", {{"schema", {{"type", "string"}}}}}}},
          {"content", JsonBody(PendingSchema())}};
}

Json PathOf(const std::string& name, const v1::Module& module) {
  const std::string about = module.description().empty() ? module.name() : module.description();
  Json variables = Json::parse(domain::ToJson(module.variables_schema()));
  variables.erase("$schema");  // the document's own dialect is the same
  variables["description"] = absl::StrCat("The variables of ", module.name(), ", version ", module.version(), ".");
  Json post = {{"summary", absl::StrCat("Creates or updates: ", about)},
               {"tags", Json::array({"Modules"})},
               {"requestBody", {{"content", JsonBody(std::move(variables))}}},
               {"responses",
                {{"200", {{"description", "Updated in place."}, {"content", JsonBody(OutputsSchema(module))}}},
                 {"201", {{"description", "Created."}, {"content", JsonBody(OutputsSchema(module))}}},
                 {"202", Pending()}}}};
  Json remove = {{"summary", absl::StrCat("Destroys ", name, " and removes its stack")},
                 {"tags", Json::array({"Modules"})},
                 {"responses", {{"200", {{"description", "Destroyed: an empty object."}}}, {"202", Pending()}}}};
  return {{"x-instance-of", "/{module}"}, {"post", std::move(post)}, {"delete", std::move(remove)}};
}

}  // namespace

std::string OpenApiOverlay(const Modules& modules) {
  Json paths = Json::object();
  for (const auto& [name, entry] : modules) paths[absl::StrCat("/", name)] = PathOf(name, entry.module);
  return Json{{"paths", std::move(paths)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace stratus::provisioning::service
