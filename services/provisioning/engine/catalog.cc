#include "services/provisioning/engine/catalog.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/approval.h"
#include "services/provisioning/engine/digest.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/json_struct.h"
#include "services/provisioning/engine/near_names.h"
#include "services/provisioning/engine/process.h"
#include "services/provisioning/engine/variables_schema.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kModulesMax = 1000;
constexpr size_t kTextFileMax = size_t{1} << 20;
constexpr size_t kNameMax = 63;
constexpr size_t kNearNamesMax = 3;
// A provider's source without a host is looked up there, as the engine does.
constexpr std::string_view kDefaultHost = "registry.opentofu.org";
// Each is a path that the gateway serves itself.
constexpr std::array<std::string_view, 9> kRefused = {"health", "docs",    "openapi.json", "console",    "v1",
                                                      "api",    "metrics", "traces",       "favicon.ico"};

absl::Status CheckName(const std::string& name) {
  if (std::find(kRefused.begin(), kRefused.end(), name) != kRefused.end()) {
    return absl::InvalidArgumentError(absl::StrCat("a module cannot be named `", name, "`: that path is taken"));
  }
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
  if (!plain || name.size() > kNameMax || !absl::ascii_islower(static_cast<unsigned char>(name[0]))) {
    return absl::InvalidArgumentError(
        absl::StrCat("a module cannot be named `", name, "`: 1 to 63 of [a-z0-9-], a letter first"));
  }
  return absl::OkStatus();
}

// The README's first sentence below its heading.
std::string DescriptionOf(const std::string& folder) {
  const std::string readme = ReadFile(folder + "/README.md", kTextFileMax).value_or("");
  std::string paragraph;
  for (absl::string_view line : absl::StrSplit(readme, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (core::ToStd(line).starts_with("#")) continue;
    if (line.empty() && !paragraph.empty()) break;
    if (!line.empty()) absl::StrAppend(&paragraph, paragraph.empty() ? "" : " ", line);
  }
  const size_t end = paragraph.find(". ");
  return end == std::string::npos ? paragraph : paragraph.substr(0, end + 1);
}

std::string VersionOf(const std::string& folder) {
  const std::string text = ReadFile(folder + "/VERSION", kTextFileMax).value_or("");
  const std::string version(absl::StripAsciiWhitespace(text));
  return version.empty() ? "1" : version;
}

// What no stack of the module goes below: one word in a file of its own. UNSPECIFIED without the file.
absl::StatusOr<v1::ApprovalPolicy> ApprovalMinimumOf(const std::string& folder) {
  const std::string path = folder + "/APPROVAL";
  const auto text = ReadFile(path, kTextFileMax);
  if (absl::IsNotFound(text.status())) return v1::APPROVAL_POLICY_UNSPECIFIED;
  if (!text.ok()) return text.status();
  const auto policy = domain::ParseApprovalPolicy(core::ToStd(absl::StripAsciiWhitespace(*text)));
  if (policy) return *policy;
  return absl::InvalidArgumentError(absl::StrCat(path, ": AUTO, MANUAL_ON_DESTROY or MANUAL is expected"));
}

absl::StatusOr<json> ReadHcl(const std::string& reader, const std::string& folder) {
  const auto ended = RunProgram({.arguments = {reader, folder}, .environment = {}});
  if (!ended.ok()) return ended.status();
  if (ended->code != 0) {
    return absl::InvalidArgumentError(absl::StrCat(folder, ": ", absl::StripAsciiWhitespace(ended->err)));
  }
  json module = json::parse(ended->out, nullptr, false);
  if (!module.is_object()) return absl::InternalError(absl::StrCat(reader, " gave no JSON for ", folder));
  std::vector<std::string> errors;
  for (const json& error : module["errors"]) {
    errors.push_back(absl::StrCat(folder, "/", error.value("file", ""), ":", error.value("line", 0), ": ",
                                  error.value("message", "")));
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return module;
}

v1::Variable ToVariable(const json& variable) {
  v1::Variable proto;
  proto.set_name(variable.value("name", ""));
  proto.set_description(variable.value("description", ""));
  proto.set_type(variable.value("type", "any"));
  proto.set_required(!variable.value("has_default", false));
  proto.set_sensitive(variable.value("sensitive", false));
  proto.set_nullable(variable.value("nullable", true));
  if (variable.contains("default") && !proto.sensitive()) *proto.mutable_default_value() = ToValue(variable["default"]);
  return proto;
}

// `digitalocean/digitalocean` in full; empty for what is built into the engine.
std::string FullSource(const std::string& source) {
  if (source.starts_with("terraform.io/builtin/")) return "";
  return std::count(source.begin(), source.end(), '/') == 2 ? source
                                                            : absl::StrCat(core::ToAbsl(kDefaultHost), "/", source);
}

v1::Module ToModule(const std::string& name, const json& module) {
  v1::Module proto;
  proto.set_name("modules/" + name);
  for (const json& variable : module["variables"]) *proto.add_variables() = ToVariable(variable);
  for (const json& output : module["outputs"]) {
    v1::ModuleOutput* added = proto.add_outputs();
    added->set_name(output.value("name", ""));
    added->set_description(output.value("description", ""));
    added->set_sensitive(output.value("sensitive", false));
  }
  *proto.mutable_variables_schema() = ToStruct(VariablesSchema(module["variables"]));
  std::set<std::string> providers;
  for (const json& source : module["providers"]) providers.insert(FullSource(source));
  providers.erase("");
  proto.mutable_providers()->Add(providers.begin(), providers.end());
  return proto;
}

absl::StatusOr<ModuleEntry> LoadModule(const std::string& folder, const std::string& reader) {
  const std::string name = fs::path(folder).filename();
  if (absl::Status status = CheckName(name); !status.ok()) return status;
  const auto approval = ApprovalMinimumOf(folder);
  if (!approval.ok()) return approval.status();
  auto digest = ModuleDigest(folder);
  if (!digest.ok()) return digest.status();
  const auto module = ReadHcl(reader, folder);
  if (!module.ok()) return module.status();
  ModuleEntry entry{.module = ToModule(name, *module),
                    .folder = folder,
                    .secret_defaults = module->value("secret_defaults", std::vector<std::string>()),
                    .digest = *std::move(digest)};
  entry.module.set_description(DescriptionOf(folder));
  entry.module.set_version(VersionOf(folder));
  entry.module.set_approval_minimum(*approval);
  return entry;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Catalog>> Catalog::Load(const Options& options) {
  auto catalog = std::make_unique<Catalog>();
  std::error_code error;
  const fs::path folder = fs::absolute(options.modules_dir, error);
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (name[0] == '.' || !at->is_directory(error)) continue;
    if (catalog->modules_.size() >= kModulesMax) {
      return absl::InvalidArgumentError(absl::StrCat(options.modules_dir, " has more than ", kModulesMax, " modules"));
    }
    auto entry = LoadModule(at->path().lexically_normal(), options.hcl_reader);
    if (!entry.ok()) return entry.status();
    catalog->modules_.emplace(name, *std::move(entry));
  }
  if (error) return absl::InvalidArgumentError(absl::StrCat(options.modules_dir, ": ", error.message()));
  return catalog;
}

absl::StatusOr<const ModuleEntry*> Catalog::Find(std::string_view name) const {
  if (const auto at = modules_.find(name); at != modules_.end()) return &at->second;
  std::vector<std::string> names;
  for (const auto& [known, entry] : modules_) names.push_back(known);
  const std::vector<std::string> near = NearNames(name, names, kNearNamesMax);
  std::string message = absl::StrCat("there is no module `", core::ToAbsl(name.substr(0, kNameMax)), "`");
  if (!near.empty()) absl::StrAppend(&message, "; near: ", absl::StrJoin(near, ", "));
  return absl::NotFoundError(message);
}

}  // namespace stratus::provisioning::engine
