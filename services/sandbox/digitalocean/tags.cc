#include "services/sandbox/digitalocean/tags.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

constexpr size_t kNameBytesMax = 255;

std::string Key(std::string_view name) { return absl::AsciiStrToLower(core::ToAbsl(name)); }

Json TagJson(const Account& account, const Tag& tag) {
  const auto count = std::count_if(account.droplets.begin(), account.droplets.end(),
                                   [&](const auto& entry) { return entry.second.tags.contains(tag.name); });
  Json droplets = {{"count", count}};
  Json resources = {{"count", count}};
  if (account.droplets.contains(tag.last_tagged_droplet)) {
    const std::string uri = absl::StrCat("https://api.digitalocean.com/v2/droplets/", tag.last_tagged_droplet);
    droplets["last_tagged_uri"] = uri;
    resources["last_tagged_uri"] = uri;
  }
  resources["droplets"] = std::move(droplets);
  for (const char* family : {"images", "volumes", "volume_snapshots", "databases"}) resources[family] = {{"count", 0}};
  return {{"name", tag.name}, {"resources", std::move(resources)}};
}

// The droplets that the body names, or the refusal of one that is none.
std::optional<http_server::Response> FindDroplets(Account& account, const Json& body, std::vector<Droplet*>* droplets) {
  const auto resources = body.is_object() ? body.find("resources") : body.end();
  if (!body.is_object() || resources == body.end() || !resources->is_array()) {
    return Refuse(422, "resources must be an array");
  }
  for (const Json& resource : *resources) {
    Fields fields(resource);
    const std::string id = fields.Text("resource_id");
    const std::string type = fields.Text("resource_type");
    if (fields.refusal()) return fields.refusal();
    if (type != "droplet") return Refuse(422, absl::StrCat("resource_type is not one that this sandbox has: ", type));
    const auto found = account.droplets.find(ParseId(id).value_or(0));
    if (found == account.droplets.end()) return NotFound();
    droplets->push_back(&found->second);
  }
  return std::nullopt;
}

}  // namespace

bool IsTagName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == ':' || c == '-' || c == '_';
  });
}

Tag* FindTag(Account& account, std::string_view name) {
  const auto found = account.tags.find(Key(name));
  return found == account.tags.end() ? nullptr : &found->second;
}

Tag* FindOrMakeTag(Account& account, std::string_view name) {
  if (!IsTagName(name)) return nullptr;
  if (Tag* tag = FindTag(account, name); tag != nullptr) return tag;
  if (account.tags.size() >= kResourcesMax) return nullptr;
  Tag& tag = account.tags[Key(name)];
  tag.name = std::string(name);
  return &tag;
}

http_server::Response ListTags(Scene& scene, const Call& call) {
  std::vector<const Tag*> tags;
  for (const auto& [key, tag] : scene.account.tags) tags.push_back(&tag);
  return Page(call.request, "tags", tags.size(), [&](size_t i) { return TagJson(scene.account, *tags[i]); });
}

http_server::Response CreateTag(Scene& scene, const Call& call) {
  Fields fields(call.body);
  const std::string name = fields.Text("name");
  if (fields.refusal()) return *fields.refusal();
  // One that is there already is answered as if it were new.
  const Tag* tag = FindOrMakeTag(scene.account, name);
  if (tag == nullptr) return Refuse(422, "Tag name is invalid: letters, numbers, colons, dashes and underscores alone");
  return Reply(201, "tag", TagJson(scene.account, *tag));
}

http_server::Response GetTag(Scene& scene, const Call& call) {
  const Tag* tag = FindTag(scene.account, call.ids[0]);
  return tag == nullptr ? NotFound() : Reply(200, "tag", TagJson(scene.account, *tag));
}

http_server::Response DeleteTag(Scene& scene, const Call& call) {
  const Tag* tag = FindTag(scene.account, call.ids[0]);
  if (tag == nullptr) return NotFound();
  for (auto& [id, droplet] : scene.account.droplets) droplet.tags.erase(tag->name);
  scene.account.tags.erase(Key(tag->name));
  return NoContent();
}

http_server::Response TagResources(Scene& scene, const Call& call) {
  Tag* tag = FindTag(scene.account, call.ids[0]);
  if (tag == nullptr) return NotFound();
  std::vector<Droplet*> droplets;
  if (auto refusal = FindDroplets(scene.account, call.body, &droplets)) return *std::move(refusal);
  for (Droplet* droplet : droplets) {
    droplet->tags.insert(tag->name);
    tag->last_tagged_droplet = droplet->id;
  }
  return NoContent();
}

http_server::Response UntagResources(Scene& scene, const Call& call) {
  const Tag* tag = FindTag(scene.account, call.ids[0]);
  if (tag == nullptr) return NotFound();
  std::vector<Droplet*> droplets;
  if (auto refusal = FindDroplets(scene.account, call.body, &droplets)) return *std::move(refusal);
  for (Droplet* droplet : droplets) droplet->tags.erase(tag->name);
  return NoContent();
}

}  // namespace stratus::sandbox::digitalocean
