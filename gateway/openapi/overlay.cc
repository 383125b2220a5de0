#include "gateway/openapi/overlay.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/openapi/json.h"

namespace stratus::gateway::openapi {
namespace {

constexpr char kInstanceOf[] = "x-instance-of";

absl::Status Wrong(std::string_view where, std::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat("OpenAPI overlay: ", std::string(where), ": ", std::string(reason)));
}

void Merge(const Json& patch, Json* target) {
  if (!patch.is_object() || !target->is_object()) {
    *target = patch;
    return;
  }
  for (const auto& [key, value] : patch.items()) {
    const auto found = target->find(key);
    if (found == target->end()) {
      (*target)[key] = value;
    } else if (value.is_null()) {
      target->erase(found);
    } else {
      Merge(value, &*found);
    }
  }
}

// `/a/b-c` -> `a_b_c`
std::string NameOfPath(const std::string& path) {
  std::string name;
  for (const char c : path) {
    const bool word = absl::ascii_isalnum(static_cast<unsigned char>(c));
    if (word) name.push_back(c);
    if (!word && !name.empty()) name.push_back('_');
  }
  return name;
}

// Drops the path parameters that are not in the instance's path.
void FitParameters(const std::string& path, Json* holder) {
  const auto parameters = holder->find("parameters");
  if (parameters == holder->end() || !parameters->is_array()) return;
  Json kept = Json::array();
  for (const Json& parameter : *parameters) {
    const bool of_path = parameter.value("in", "") == "path";
    if (!of_path || absl::StrContains(path, absl::StrCat("{", parameter.value("name", ""), "}"))) {
      kept.push_back(parameter);
    }
  }
  *parameters = std::move(kept);
}

Json InstanceOf(const Json& item, const std::string& path) {
  Json instance = item;
  FitParameters(path, &instance);
  for (auto& [method, operation] : instance.items()) {
    if (!operation.is_object()) continue;
    FitParameters(path, &operation);
    if (operation.contains("operationId")) {
      operation["operationId"] = absl::StrCat(operation["operationId"].get<std::string>(), "_", NameOfPath(path));
    }
  }
  return instance;
}

absl::Status MergePaths(const Json& patch, Json* paths) {
  if (!patch.is_object()) return Wrong("paths", "must be an object");
  for (const auto& [path, given] : patch.items()) {
    if (!given.is_object()) return Wrong(path, "must be an object");
    Json item = given;
    if (const auto like = item.find(kInstanceOf); like != item.end()) {
      if (!like->is_string()) return Wrong(path, "x-instance-of must be a path");
      const auto original = paths->find(like->get<std::string>());
      if (original == paths->end()) return Wrong(path, "x-instance-of names a path that is not served");
      if (paths->contains(path)) return Wrong(path, "is served already, and no instance");
      item.erase(like);
      (*paths)[path] = InstanceOf(Json(*original), path);
    }
    if (!paths->contains(path)) return Wrong(path, "is not served: name what it is an instance of");
    Merge(item, &(*paths)[path]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ApplyOverlay(std::string_view document, std::string_view overlay) {
  const Json patch = Json::parse(overlay, nullptr, /*allow_exceptions=*/false);
  if (!patch.is_object()) return Wrong("the whole", "must be a JSON object");
  Json merged = Json::parse(document, nullptr, /*allow_exceptions=*/false);
  if (!merged.is_object()) return absl::InternalError("the OpenAPI document is not JSON");
  for (const auto& [key, value] : patch.items()) {
    if (key == "paths") {
      if (absl::Status status = MergePaths(value, &merged["paths"]); !status.ok()) return status;
    } else if (key == "components" || key == "tags") {
      if (!merged.contains(key)) merged[key] = value;
      Merge(value, &merged[key]);
    } else {
      return Wrong(key, "only `paths`, `components` and `tags` may be given");
    }
  }
  return merged.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace stratus::gateway::openapi
