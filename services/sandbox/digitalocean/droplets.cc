#include "services/sandbox/digitalocean/droplets.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "lib/core/status.h"
#include "services/sandbox/digitalocean/catalog.h"
#include "services/sandbox/digitalocean/droplet_actions.h"
#include "services/sandbox/digitalocean/keys.h"
#include "services/sandbox/digitalocean/projects.h"
#include "services/sandbox/digitalocean/tags.h"
#include "services/sandbox/digitalocean/vpcs.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

constexpr size_t kNamesMax = 10;
constexpr size_t kNameBytesMax = 255;
constexpr size_t kUserDataBytesMax = 64 << 10;
constexpr std::string_view kUsualRegion = "nyc3";

using Refusal = std::optional<http_server::Response>;

std::string DottedQuad(uint32_t address) {
  return absl::StrFormat("%d.%d.%d.%d", address >> 24, (address >> 16) & 255, (address >> 8) & 255, address & 255);
}

Json NetworkV4(uint32_t address, int prefix, std::string_view type) {
  const uint32_t mask = ~uint32_t{0} << (32 - prefix);
  return {{"ip_address", DottedQuad(address)},
          {"netmask", DottedQuad(mask)},
          {"gateway", DottedQuad((address & mask) + 1)},
          {"type", type}};
}

// Made from the id, out of the blocks for benchmarks (RFC 2544) and documentation (RFC 3849): nobody's addresses.
Json Networks(const Account& account, const Droplet& droplet) {
  Json v4 = Json::array();
  if (const auto vpc = account.vpcs.find(droplet.vpc_uuid); vpc != account.vpcs.end()) {
    const uint32_t hosts = (uint32_t{1} << (32 - vpc->second.prefix)) - 4;
    const auto host = static_cast<uint32_t>(droplet.id % hosts) + 2;
    v4.push_back(NetworkV4(vpc->second.address + host, vpc->second.prefix, "private"));
  }
  v4.push_back(NetworkV4(0xc6120000 + 2 + static_cast<uint32_t>(droplet.id % 131'000), 20, "public"));
  Json v6 = Json::array();
  if (droplet.ipv6) {
    v6.push_back({{"ip_address", absl::StrFormat("2001:db8:0:1::%x:%x", droplet.id >> 16, droplet.id & 0xffff)},
                  {"netmask", 64},
                  {"gateway", "2001:db8:0:1::1"},
                  {"type", "public"}});
  }
  return {{"v4", std::move(v4)}, {"v6", std::move(v6)}};
}

Json Features(const Droplet& droplet) {
  Json features = Json::array();
  if (droplet.backups) features.push_back("backups");
  if (droplet.monitoring) features.push_back("monitoring");
  features.push_back("droplet_agent");
  if (droplet.ipv6) features.push_back("ipv6");
  features.push_back("private_networking");  // every droplet is in a VPC
  return features;
}

// What the image may be named by: a slug, or an id as number or text.
std::string ImageOf(const Json& body) {
  const auto image = body.is_object() ? body.find("image") : body.end();
  if (!body.is_object() || image == body.end()) return {};
  if (image->is_string()) return image->get<std::string>();
  return image->is_number_integer() ? image->dump() : std::string();
}

Refusal CheckNames(const std::vector<std::string>& names) {
  if (names.size() > kNamesMax) return Refuse(422, "You can create at most 10 Droplets at a time.");
  if (!names.empty() && std::all_of(names.begin(), names.end(), IsHostName)) return std::nullopt;
  return Refuse(422, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)");
}

Refusal CheckKeys(Account& account, const std::vector<std::string>& keys) {
  std::vector<std::string> unknown;
  for (const std::string& key : keys) {
    if (FindKey(account, key) == nullptr) unknown.push_back(key);
  }
  if (unknown.empty()) return std::nullopt;
  return Refuse(422, absl::StrCat(absl::StrJoin(unknown, ", "), " are invalid key identifiers for Droplet creation."));
}

Refusal ReadPlace(Scene& scene, Fields* fields, const Json& body, Droplet* droplet) {
  const std::string region_slug = fields->Text("region");
  const Region* region = FindRegion(region_slug.empty() ? kUsualRegion : std::string_view(region_slug));
  const Size* size = FindSize(fields->Text("size"));
  const Image* image = FindImage(ImageOf(body));
  droplet->vpc_uuid = fields->Text("vpc_uuid");
  if (fields->refusal()) return fields->refusal();
  if (region == nullptr) return Refuse(422, "You specified an invalid region for Droplet creation.");
  if (size == nullptr) return Refuse(422, "You specified an invalid size for Droplet creation.");
  if (image == nullptr) return Refuse(422, "You specified an invalid image for Droplet creation.");
  if (size->disk_gb < image->min_disk_gb) return Refuse(422, "This image requires a larger disk than the size has.");
  droplet->region = std::string(region->slug);
  droplet->size = std::string(size->slug);
  droplet->disk_gb = size->disk_gb;
  droplet->image = std::string(image->slug);
  if (droplet->vpc_uuid.empty()) return std::nullopt;
  const auto vpc = scene.account.vpcs.find(droplet->vpc_uuid);
  if (vpc != scene.account.vpcs.end() && vpc->second.region == droplet->region) return std::nullopt;
  return Refuse(422, "You specified an invalid VPC for Droplet creation: none of that id is in the region.");
}

Refusal ReadExtras(Scene& scene, Fields* fields, Droplet* droplet) {
  droplet->backups = fields->Flag("backups");
  droplet->ipv6 = fields->Flag("ipv6");
  droplet->monitoring = fields->Flag("monitoring");
  fields->Flag("private_networking");
  const size_t user_data_bytes = fields->Text("user_data").size();
  const std::vector<std::string> keys = fields->Ids("ssh_keys");
  const std::vector<std::string> tags = fields->Texts("tags");
  if (fields->Has("volumes") && !fields->Ids("volumes").empty()) return Refuse(422, "no such volume");
  if (fields->refusal()) return fields->refusal();
  if (user_data_bytes > kUserDataBytesMax) return Refuse(422, "User data is too long (maximum is 64 KiB)");
  if (Refusal refusal = CheckKeys(scene.account, keys)) return refusal;
  if (!std::all_of(tags.begin(), tags.end(), IsTagName)) return Refuse(422, "Tag name is invalid");
  for (const std::string& name : tags) {
    const Tag* tag = FindOrMakeTag(scene.account, name);
    if (tag == nullptr) return Refuse(422, "You have reached the limit of tags.");
    droplet->tags.insert(tag->name);
  }
  return std::nullopt;
}

const Droplet& Add(Scene& scene, Droplet droplet) {
  droplet.id = scene.NextId();
  droplet.created = scene.now;
  droplet.ready_at = scene.monotonic + scene.boot();
  for (const std::string& name : droplet.tags) {
    if (Tag* tag = FindTag(scene.account, name)) tag->last_tagged_droplet = droplet.id;
  }
  const int64_t id = droplet.id;
  return scene.account.droplets[id] = std::move(droplet);
}

void Remove(Account& account, int64_t id) {
  LeaveProjects(account, account.droplets[id].Urn());
  account.droplets.erase(id);
  std::erase_if(account.actions, [id](const auto& entry) { return entry.second.droplet_id == id; });
}

}  // namespace

bool IsHostName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && absl::ascii_isalnum(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '-'; });
}

std::string_view StatusOf(const Droplet& droplet, absl::Duration monotonic) {
  if (IsNew(droplet, monotonic)) return "new";
  return droplet.off ? "off" : "active";
}

Json ToJson(const Account& account, const Droplet& droplet, absl::Duration monotonic) {
  const Size& size = *FindSize(droplet.size);
  const bool is_new = IsNew(droplet, monotonic);
  return {{"id", droplet.id},
          {"name", droplet.name},
          {"memory", size.memory_mb},
          {"vcpus", size.vcpus},
          {"disk", droplet.disk_gb},
          {"locked", is_new},
          {"status", StatusOf(droplet, monotonic)},
          {"kernel", nullptr},
          {"created_at", Timestamp(droplet.created)},
          {"features", Features(droplet)},
          {"backup_ids", Json::array()},
          {"next_backup_window", nullptr},
          {"snapshot_ids", Json::array()},
          {"image", ToJson(*FindImage(droplet.image))},
          {"volume_ids", Json::array()},
          {"size", ToJson(size)},
          {"size_slug", droplet.size},
          {"networks", is_new ? Json{{"v4", Json::array()}, {"v6", Json::array()}} : Networks(account, droplet)},
          {"region", ToJson(*FindRegion(droplet.region))},
          {"tags", droplet.tags},
          {"vpc_uuid", droplet.vpc_uuid}};
}

Droplet* FindDroplet(Account& account, std::string_view id) {
  const auto found = account.droplets.find(ParseId(id).value_or(0));
  return found == account.droplets.end() ? nullptr : &found->second;
}

http_server::Response ListDroplets(Scene& scene, const Call& call) {
  const std::string tag_name = call.request.Parameter("tag_name");
  const std::string name = call.request.Parameter("name");
  if (!tag_name.empty() && !name.empty()) return Refuse(422, "tag_name and name cannot be combined");
  const Tag* tag = FindTag(scene.account, tag_name);
  std::vector<const Droplet*> droplets;
  for (const auto& [id, droplet] : scene.account.droplets) {
    if (!tag_name.empty() && (tag == nullptr || !droplet.tags.contains(tag->name))) continue;
    if (!name.empty() && !absl::EqualsIgnoreCase(droplet.name, name)) continue;
    droplets.push_back(&droplet);
  }
  return Page(call.request, "droplets", droplets.size(),
              [&](size_t i) { return ToJson(scene.account, *droplets[i], scene.monotonic); });
}

http_server::Response CreateDroplets(Scene& scene, const Call& call) {
  Fields fields(call.body);
  const bool several = fields.Has("names");
  const std::vector<std::string> names = several ? fields.Texts("names") : std::vector{fields.Text("name")};
  if (fields.refusal()) return *fields.refusal();
  if (Refusal refusal = CheckNames(names)) return *std::move(refusal);
  Droplet droplet;
  if (Refusal refusal = ReadPlace(scene, &fields, call.body, &droplet)) return *std::move(refusal);
  if (scene.account.droplets.size() + names.size() > kDropletsMax) {
    return Refuse(422, "creating this/these droplet(s) will exceed your droplet limit");
  }
  if (Refusal refusal = ReadExtras(scene, &fields, &droplet)) return *std::move(refusal);
  if (droplet.vpc_uuid.empty()) droplet.vpc_uuid = DefaultVpc(scene, droplet.region).id;
  Json made = Json::array();
  Json actions = Json::array();
  for (const std::string& name : names) {
    droplet.name = name;
    const Droplet& added = Add(scene, droplet);
    made.push_back(ToJson(scene.account, added, scene.monotonic));
    const Action& action = AddAction(scene, added, several ? "multiple_create" : "create", added.ready_at);
    actions.push_back({{"id", action.id},
                       {"rel", several ? "multiple_create" : "create"},
                       {"href", absl::StrCat("https://api.digitalocean.com/v2/actions/", action.id)}});
  }
  const Json links = {{"actions", std::move(actions)}};
  return JsonReply(202, several ? Json{{"droplets", std::move(made)}, {"links", links}}
                                : Json{{"droplet", std::move(made[0])}, {"links", links}});
}

http_server::Response GetDroplet(Scene& scene, const Call& call) {
  const Droplet* droplet = FindDroplet(scene.account, call.ids[0]);
  return droplet == nullptr ? NotFound() : Reply(200, "droplet", ToJson(scene.account, *droplet, scene.monotonic));
}

http_server::Response DeleteDroplet(Scene& scene, const Call& call) {
  const Droplet* droplet = FindDroplet(scene.account, call.ids[0]);
  if (droplet == nullptr) return NotFound();
  if (IsNew(*droplet, scene.monotonic)) return Refuse(422, "Droplet already has a pending event.");
  Remove(scene.account, droplet->id);
  return NoContent();
}

http_server::Response DeleteDropletsByTag(Scene& scene, const Call& call) {
  const std::string name = call.request.Parameter("tag_name");
  if (name.empty()) return Refuse(422, "tag_name is needed");
  const Tag* tag = FindTag(scene.account, name);
  if (tag == nullptr) return NotFound();
  std::vector<int64_t> tagged;
  for (const auto& [id, droplet] : scene.account.droplets) {
    if (!droplet.tags.contains(tag->name)) continue;
    if (IsNew(droplet, scene.monotonic)) return Refuse(422, "Droplet already has a pending event.");
    tagged.push_back(id);
  }
  for (const int64_t id : tagged) Remove(scene.account, id);
  return NoContent();
}

}  // namespace stratus::sandbox::digitalocean
