#include "services/provisioning/service/runtime/state_document.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 4;

absl::Status NotAState(std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("not a state of format version 4: ", core::ToAbsl(why)));
}

std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// An instance key as HCL writes it: `[0]`, `["a"]`, or nothing.
std::string Key(const Json& instance) {
  const auto found = instance.find("index_key");
  if (found == instance.end() || found->is_null()) return "";
  if (!found->is_string()) return absl::StrCat("[", found->dump(), "]");
  std::string quoted = found->dump(-1, ' ', false, Json::error_handler_t::replace);
  for (size_t at = 0; (at = quoted.find_first_of("$%", at)) != std::string::npos; at += 2) {
    if (at + 1 < quoted.size() && quoted[at + 1] == '{') quoted.insert(at, 1, quoted[at]);
  }
  return absl::StrCat("[", quoted, "]");
}

std::string Address(const Json& resource, const Json& instance) {
  const std::string module = Text(resource, "module");
  return absl::StrCat(module, module.empty() ? "" : ".", Text(resource, "type"), ".", Text(resource, "name"),
                      Key(instance));
}

bool IsDeposed(const Json& instance) { return !Text(instance, "deposed").empty(); }

std::string Id(const Json& instance) {
  const auto attributes = instance.find("attributes");
  if (attributes == instance.end() || !attributes->is_object()) return "";
  const auto id = attributes->find("id");
  if (id == attributes->end()) return "";
  if (id->is_string()) return id->get<std::string>();
  return id->is_number() ? id->dump() : "";
}

absl::StatusOr<Json> Parse(std::string_view text) {
  Json state = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!state.is_object()) return NotAState("it is not a JSON object");
  const auto version = state.find("version");
  if (version == state.end() || !version->is_number_integer() || *version != kVersion) {
    return NotAState("`version` is not 4");
  }
  const auto serial = state.find("serial");
  if (serial == state.end() || !serial->is_number_unsigned()) return NotAState("`serial` is not a number from 0 on");
  if (Text(state, "lineage").empty()) return NotAState("it has no `lineage`");
  const auto resources = state.find("resources");
  if (resources != state.end() && !resources->is_null() && !resources->is_array()) {
    return NotAState("`resources` is not an array");
  }
  return state;
}

absl::Status ReadResource(const Json& resource, StateDocument* document) {
  if (!resource.is_object()) return NotAState("a resource is not an object");
  if (Text(resource, "mode") != "managed") return absl::OkStatus();
  const auto instances = resource.find("instances");
  if (instances == resource.end() || !instances->is_array()) return NotAState("a resource has no `instances`");
  for (const Json& instance : *instances) {
    if (!instance.is_object()) return NotAState("an instance is not an object");
    document->resources.push_back(
        {Address(resource, instance), Text(resource, "type"), Id(instance), IsDeposed(instance)});
  }
  return absl::OkStatus();
}

std::string Dump(const Json& state) { return state.dump(2, ' ', false, Json::error_handler_t::replace); }

}  // namespace

absl::StatusOr<StateDocument> ReadState(std::string_view text) {
  absl::StatusOr<Json> state = Parse(text);
  if (!state.ok()) return state.status();
  StateDocument document;
  document.serial = state->at("serial").get<int64_t>();
  document.lineage = Text(*state, "lineage");
  if (const auto outputs = state->find("outputs"); outputs != state->end() && outputs->is_object()) {
    document.outputs_json = outputs->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  const auto resources = state->find("resources");
  if (resources == state->end() || resources->is_null()) return document;
  for (const Json& resource : *resources) {
    if (absl::Status status = ReadResource(resource, &document); !status.ok()) return status;
  }
  return document;
}

std::map<std::string, std::string> IdsByAddress(const StateDocument& state) {
  std::map<std::string, std::string> ids;
  for (const StateResource& resource : state.resources) {
    if (!resource.deposed) ids[resource.address] = resource.id;
  }
  return ids;
}

absl::StatusOr<std::string> WithoutResource(std::string_view text, std::string_view address) {
  absl::StatusOr<Json> state = Parse(text);
  if (!state.ok()) return state.status();
  for (Json& resource : (*state)["resources"]) {
    if (Text(resource, "mode") != "managed") continue;
    Json& instances = resource["instances"];
    for (auto instance = instances.begin(); instance != instances.end(); ++instance) {
      if (IsDeposed(*instance) || Address(resource, *instance) != address) continue;
      instances.erase(instance);
      (*state)["serial"] = state->at("serial").get<int64_t>() + 1;
      return Dump(*state);
    }
  }
  return absl::NotFoundError(absl::StrCat(core::ToAbsl(address), " is not in the state"));
}

absl::StatusOr<std::string> Emptied(std::string_view text) {
  absl::StatusOr<Json> state = Parse(text);
  if (!state.ok()) return state.status();
  (*state)["resources"] = Json::array();
  (*state)["outputs"] = Json::object();
  (*state)["serial"] = state->at("serial").get<int64_t>() + 1;
  return Dump(*state);
}

}  // namespace stratus::provisioning::service
