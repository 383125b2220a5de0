#include "services/sandbox/digitalocean/projects.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

constexpr size_t kNameBytesMax = 175;
constexpr size_t kTextBytesMax = 255;
constexpr int64_t kOwnerId = 258'992;

constexpr std::string_view kPurposes[] = {"Just trying out DigitalOcean",
                                          "Class project / Educational purposes",
                                          "Website or blog",
                                          "Web Application",
                                          "Service or API",
                                          "Mobile Application",
                                          "Machine learning / AI / Data processing",
                                          "IoT",
                                          "Operational / Developer tooling"};
constexpr std::string_view kEnvironments[] = {"Development", "Staging", "Production"};

// `default` names the default project. Null: no such project.
Project* Find(Account& account, std::string_view id) {
  for (auto& [key, project] : account.projects) {
    if (key == id || (id == "default" && project.is_default)) return &project;
  }
  return nullptr;
}

// A purpose of one's own is kept with the prefix that the real API gives it.
std::string Purpose(const std::string& text) {
  const bool known = std::find(std::begin(kPurposes), std::end(kPurposes), text) != std::end(kPurposes);
  return known || absl::StartsWith(text, "Other: ") ? text : "Other: " + text;
}

std::optional<http_server::Response> ReadEnvironment(const std::string& text, std::string* environment) {
  for (const std::string_view known : kEnvironments) {
    if (!absl::EqualsIgnoreCase(text, core::ToAbsl(known))) continue;
    *environment = std::string(known);
    return std::nullopt;
  }
  return Refuse(400, "environment must be one of the following: Development Staging Production");
}

std::optional<http_server::Response> Check(const Account& account, const Project& project) {
  if (project.name.empty()) return Refuse(400, "name is required");
  if (project.name.size() > kNameBytesMax) return Refuse(400, "name is too long: 175 characters at most");
  if (project.description.size() > kTextBytesMax) return Refuse(400, "description is too long: 255 characters at most");
  if (project.purpose.empty()) return Refuse(400, "purpose is required");
  if (project.purpose.size() > kTextBytesMax) return Refuse(400, "purpose is too long: 255 characters at most");
  for (const auto& [id, other] : account.projects) {
    if (id != project.id && other.name == project.name) return Refuse(409, "name is already in use (duplicate)");
  }
  return std::nullopt;
}

struct Member {
  std::string urn;
  absl::Time assigned;
};

std::vector<Member> MembersOf(const Account& account, const Project& project) {
  std::vector<Member> members;
  for (const auto& [urn, assigned] : project.resources) members.push_back({urn, assigned});
  if (!project.is_default) return members;
  for (const auto& [id, droplet] : account.droplets) {
    const std::string urn = droplet.Urn();
    const bool elsewhere = std::any_of(account.projects.begin(), account.projects.end(),
                                       [&](const auto& entry) { return entry.second.resources.contains(urn); });
    if (!elsewhere) members.push_back({urn, droplet.created});
  }
  return members;
}

Json MemberJson(const Member& member) {
  const std::vector<std::string> parts = absl::StrSplit(member.urn, ':');
  return {{"urn", member.urn},
          {"assigned_at", Timestamp(member.assigned)},
          {"links", {{"self", absl::StrCat("https://api.digitalocean.com/v2/droplets/", parts.back())}}},
          {"status", "ok"}};
}

// Of the things here, only droplets belong to projects.
std::optional<http_server::Response> CheckUrn(const Account& account, const std::string& urn) {
  const std::vector<std::string> parts = absl::StrSplit(urn, ':');
  if (parts.size() != 3 || parts[0] != "do" || parts[1] != "droplet") {
    return Refuse(400,
                  "resource types must be one of the following: AppPlatformApp Bucket Database Domain DomainRecord "
                  "Droplet Firewall FloatingIp Image Kubernetes LoadBalancer MarketplaceApp Saas Volume");
  }
  const auto id = ParseId(parts[2]);
  if (!id || !account.droplets.contains(*id)) return Refuse(404, "resource not found");
  return std::nullopt;
}

}  // namespace

Json ToJson(const Account& account, const Project& project) {
  return {{"id", project.id},
          {"owner_uuid", account.uuid},
          {"owner_id", kOwnerId},
          {"name", project.name},
          {"description", project.description},
          {"purpose", project.purpose},
          {"environment", project.environment},
          {"is_default", project.is_default},
          {"created_at", Timestamp(project.created)},
          {"updated_at", Timestamp(project.updated)}};
}

Project MakeDefaultProject(absl::Time now) {
  return {.id = NewUuid(),
          .name = "first-project",
          .description = "Update your project information under Settings",
          .purpose = "Just trying out DigitalOcean",
          .environment = "",
          .is_default = true,
          .created = now,
          .updated = now};
}

void LeaveProjects(Account& account, const std::string& urn) {
  for (auto& [id, project] : account.projects) project.resources.erase(urn);
}

http_server::Response ListProjects(Scene& scene, const Call& call) {
  std::vector<const Project*> projects;
  for (const auto& [id, project] : scene.account.projects) projects.push_back(&project);
  std::sort(projects.begin(), projects.end(), [](const Project* a, const Project* b) { return a->name < b->name; });
  return Page(call.request, "projects", projects.size(), [&](size_t i) { return ToJson(scene.account, *projects[i]); });
}

http_server::Response CreateProject(Scene& scene, const Call& call) {
  Fields fields(call.body);
  Project project{.id = NewUuid(),
                  .name = fields.Text("name"),
                  .description = fields.Text("description"),
                  .purpose = fields.Text("purpose"),
                  .environment = "",
                  .created = scene.now,
                  .updated = scene.now};
  const std::string environment = fields.Text("environment");
  if (fields.refusal()) return *fields.refusal();
  if (!project.purpose.empty()) project.purpose = Purpose(project.purpose);
  if (!environment.empty()) {
    if (auto refusal = ReadEnvironment(environment, &project.environment)) return *std::move(refusal);
  }
  if (auto refusal = Check(scene.account, project)) return *std::move(refusal);
  if (scene.account.projects.size() >= kResourcesMax) return Refuse(400, "you have reached the limit of projects");
  const std::string id = project.id;
  return Reply(201, "project", ToJson(scene.account, scene.account.projects[id] = std::move(project)));
}

http_server::Response GetProject(Scene& scene, const Call& call) {
  const Project* project = Find(scene.account, call.ids[0]);
  return project == nullptr ? NotFound() : Reply(200, "project", ToJson(scene.account, *project));
}

http_server::Response UpdateProject(Scene& scene, const Call& call) {
  Project* project = Find(scene.account, call.ids[0]);
  if (project == nullptr) return NotFound();
  Fields fields(call.body);
  Project changed = *project;
  if (fields.Has("name")) changed.name = fields.Text("name");
  if (fields.Has("description")) changed.description = fields.Text("description");
  if (fields.Has("purpose")) changed.purpose = Purpose(fields.Text("purpose"));
  if (const std::string environment = fields.Text("environment"); !environment.empty()) {
    if (auto refusal = ReadEnvironment(environment, &changed.environment)) return *std::move(refusal);
  }
  const bool become_default = fields.Flag("is_default");
  if (fields.refusal()) return *fields.refusal();
  if (auto refusal = Check(scene.account, changed)) return *std::move(refusal);
  changed.updated = scene.now;
  if (become_default) {
    for (auto& [id, other] : scene.account.projects) other.is_default = false;
    changed.is_default = true;
  }
  *project = std::move(changed);
  return Reply(200, "project", ToJson(scene.account, *project));
}

http_server::Response DeleteProject(Scene& scene, const Call& call) {
  const Project* project = Find(scene.account, call.ids[0]);
  if (project == nullptr) return NotFound();
  if (project->is_default) return Refuse(412, "cannot delete the default project");
  if (!project->resources.empty()) {
    return Refuse(412, "cannot delete a project with resources. move or remove the resources first");
  }
  scene.account.projects.erase(project->id);
  return NoContent();
}

http_server::Response ListProjectResources(Scene& scene, const Call& call) {
  const Project* project = Find(scene.account, call.ids[0]);
  if (project == nullptr) return NotFound();
  const std::vector<Member> members = MembersOf(scene.account, *project);
  return Page(call.request, "resources", members.size(), [&](size_t i) { return MemberJson(members[i]); });
}

http_server::Response AssignProjectResources(Scene& scene, const Call& call) {
  Project* project = Find(scene.account, call.ids[0]);
  if (project == nullptr) return NotFound();
  Fields fields(call.body);
  const std::vector<std::string> urns = fields.Texts("resources");
  if (fields.refusal()) return *fields.refusal();
  for (const std::string& urn : urns) {
    if (auto refusal = CheckUrn(scene.account, urn)) return *std::move(refusal);
  }
  Json assigned = Json::array();
  for (const std::string& urn : urns) {
    LeaveProjects(scene.account, urn);
    if (!project->is_default) project->resources[urn] = scene.now;
    assigned.push_back(MemberJson({urn, scene.now}));
    assigned.back()["status"] = "assigned";
  }
  return Reply(200, "resources", std::move(assigned));
}

}  // namespace stratus::sandbox::digitalocean
