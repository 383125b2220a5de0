#include "services/sandbox/digitalocean/droplet_actions.h"

#include <algorithm>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/sandbox/digitalocean/catalog.h"
#include "services/sandbox/digitalocean/droplets.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

using Refusal = std::optional<http_server::Response>;
using Act = Refusal (*)(Droplet& droplet, Fields& fields);

Refusal PowerOff(Droplet& droplet, Fields&) {
  if (droplet.off) return Refuse(422, "Droplet is already powered off.");
  droplet.off = true;
  return std::nullopt;
}

Refusal PowerOn(Droplet& droplet, Fields&) {
  if (!droplet.off) return Refuse(422, "Droplet is already powered on.");
  droplet.off = false;
  return std::nullopt;
}

Refusal Restart(Droplet& droplet, Fields&) {
  droplet.off = false;
  return std::nullopt;
}

Refusal Rename(Droplet& droplet, Fields& fields) {
  std::string name = fields.Text("name");
  if (fields.refusal()) return fields.refusal();
  if (!IsHostName(name)) return Refuse(422, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)");
  droplet.name = std::move(name);
  return std::nullopt;
}

Refusal Resize(Droplet& droplet, Fields& fields) {
  const Size* size = FindSize(fields.Text("size"));
  const bool disk = fields.Flag("disk");
  if (fields.refusal()) return fields.refusal();
  if (size == nullptr) return Refuse(422, "You specified an invalid size for Droplet resize.");
  if (size->slug == droplet.size) return Refuse(422, "Droplet is already this size.");
  if (!droplet.off) return Refuse(422, "Droplet must be powered off to be resized.");
  if (size->disk_gb < droplet.disk_gb) return Refuse(422, "This size is not available because it has a smaller disk.");
  droplet.size = std::string(size->slug);
  if (disk) droplet.disk_gb = size->disk_gb;
  return std::nullopt;
}

Refusal EnableIpv6(Droplet& droplet, Fields&) {
  droplet.ipv6 = true;
  return std::nullopt;
}

Refusal EnablePrivateNetworking(Droplet&, Fields&) { return std::nullopt; }

Refusal EnableBackups(Droplet& droplet, Fields&) {
  droplet.backups = true;
  return std::nullopt;
}

Refusal DisableBackups(Droplet& droplet, Fields&) {
  droplet.backups = false;
  return std::nullopt;
}

constexpr std::pair<std::string_view, Act> kActs[] = {{"power_off", PowerOff},
                                                      {"shutdown", PowerOff},
                                                      {"power_on", PowerOn},
                                                      {"power_cycle", Restart},
                                                      {"reboot", Restart},
                                                      {"rename", Rename},
                                                      {"resize", Resize},
                                                      {"enable_ipv6", EnableIpv6},
                                                      {"enable_private_networking", EnablePrivateNetworking},
                                                      {"enable_backups", EnableBackups},
                                                      {"disable_backups", DisableBackups}};

Json ToJson(const Action& action, absl::Duration monotonic) {
  const bool done = action.done_at <= monotonic;
  return {{"id", action.id},
          {"status", done ? "completed" : "in-progress"},
          {"type", action.type},
          {"started_at", Timestamp(action.started)},
          {"completed_at", done ? Json(Timestamp(action.started + (action.done_at - action.began_at))) : Json(nullptr)},
          {"resource_id", action.droplet_id},
          {"resource_type", "droplet"},
          {"region", ToJson(*FindRegion(action.region))},
          {"region_slug", action.region}};
}

http_server::Response PageOf(const Scene& scene, const Call& call, const std::function<bool(const Action&)>& wanted) {
  std::vector<const Action*> actions;
  for (const auto& [id, action] : scene.account.actions) {
    if (wanted(action)) actions.push_back(&action);
  }
  std::reverse(actions.begin(), actions.end());  // the newest first
  return Page(call.request, "actions", actions.size(), [&](size_t i) { return ToJson(*actions[i], scene.monotonic); });
}

}  // namespace

const Action& AddAction(Scene& scene, const Droplet& droplet, std::string_view type, absl::Duration done_at) {
  // The oldest make room: an account's history is not what it is for.
  if (scene.account.actions.size() >= kResourcesMax) scene.account.actions.erase(scene.account.actions.begin());
  const int64_t id = scene.NextId();
  return scene.account.actions[id] = {.id = id,
                                      .type = std::string(type),
                                      .droplet_id = droplet.id,
                                      .region = droplet.region,
                                      .started = scene.now,
                                      .began_at = scene.monotonic,
                                      .done_at = done_at};
}

http_server::Response ActOnDroplet(Scene& scene, const Call& call) {
  Droplet* droplet = FindDroplet(scene.account, call.ids[0]);
  if (droplet == nullptr) return NotFound();
  Fields fields(call.body);
  const std::string type = fields.Text("type");
  if (fields.refusal()) return *fields.refusal();
  const auto* act = std::find_if(std::begin(kActs), std::end(kActs), [&](const auto& a) { return a.first == type; });
  if (act == std::end(kActs))
    return Refuse(422, absl::StrCat("The type of the action is not one of this sandbox: ", type));
  if (IsNew(*droplet, scene.monotonic)) return Refuse(422, "Droplet already has a pending event.");
  if (Refusal refusal = act->second(*droplet, fields)) return *std::move(refusal);
  return Reply(201, "action", ToJson(AddAction(scene, *droplet, type, scene.monotonic), scene.monotonic));
}

http_server::Response ListDropletActions(Scene& scene, const Call& call) {
  const Droplet* droplet = FindDroplet(scene.account, call.ids[0]);
  if (droplet == nullptr) return NotFound();
  return PageOf(scene, call, [&](const Action& action) { return action.droplet_id == droplet->id; });
}

http_server::Response GetDropletAction(Scene& scene, const Call& call) {
  const auto found = scene.account.actions.find(ParseId(call.ids[1]).value_or(0));
  if (found == scene.account.actions.end() || absl::StrCat(found->second.droplet_id) != call.ids[0]) return NotFound();
  return Reply(200, "action", ToJson(found->second, scene.monotonic));
}

http_server::Response ListActions(Scene& scene, const Call& call) {
  return PageOf(scene, call, [](const Action&) { return true; });
}

http_server::Response GetAction(Scene& scene, const Call& call) {
  const auto found = scene.account.actions.find(ParseId(call.ids[0]).value_or(0));
  if (found == scene.account.actions.end()) return NotFound();
  return Reply(200, "action", ToJson(found->second, scene.monotonic));
}

}  // namespace stratus::sandbox::digitalocean
