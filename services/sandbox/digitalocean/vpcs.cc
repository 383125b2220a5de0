#include "services/sandbox/digitalocean/vpcs.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/sandbox/digitalocean/catalog.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

constexpr size_t kTextBytesMax = 255;
constexpr int kPrefix = 20;
constexpr int kPrefixMin = 16;
constexpr int kPrefixMax = 28;

struct Network {
  uint32_t address;
  int prefix;
};
constexpr Network kPrivate[] = {{0x0a000000, 8}, {0xac100000, 12}, {0xc0a80000, 16}};  // RFC 1918

uint32_t Mask(int prefix) { return ~uint32_t{0} << (32 - prefix); }

bool Overlap(Network a, Network b) {
  const uint32_t mask = Mask(std::min(a.prefix, b.prefix));
  return (a.address & mask) == (b.address & mask);
}

std::optional<Network> ParseRange(std::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(core::ToAbsl(text), '/');
  Network network{};
  in_addr address{};
  if (parts.size() != 2 || inet_pton(AF_INET, parts[0].c_str(), &address) != 1) return std::nullopt;
  if (!absl::SimpleAtoi(parts[1], &network.prefix)) return std::nullopt;
  if (network.prefix < kPrefixMin || network.prefix > kPrefixMax) return std::nullopt;
  network.address = ntohl(address.s_addr) & Mask(network.prefix);
  const bool is_private = std::any_of(std::begin(kPrivate), std::end(kPrivate), [&](Network block) {
    return block.prefix <= network.prefix && Overlap(block, network);
  });
  return is_private ? std::make_optional(network) : std::nullopt;
}

const Vpc* FindOverlap(const Account& account, Network network) {
  for (const auto& [id, vpc] : account.vpcs) {
    if (Overlap({vpc.address, vpc.prefix}, network)) return &vpc;
  }
  return nullptr;
}

// The first free /20 of 10.100.0.0 and up: 2496 of them, fewer than an account may have networks.
std::optional<Network> FreeRange(const Account& account) {
  for (uint32_t address = 0x0a640000; address <= 0x0afff000; address += 0x1000) {
    if (FindOverlap(account, {address, kPrefix}) == nullptr) return Network{address, kPrefix};
  }
  return std::nullopt;
}

bool HasName(const Account& account, const std::string& name, const std::string& but) {
  return std::any_of(account.vpcs.begin(), account.vpcs.end(),
                     [&](const auto& entry) { return entry.first != but && entry.second.name == name; });
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kTextBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.'; });
}

std::optional<http_server::Response> CheckTexts(const Account& account, const Vpc& vpc) {
  if (!IsName(vpc.name)) return Refuse(422, "Name must contain alphanumeric characters, dashes, and periods only.");
  if (vpc.description.size() > kTextBytesMax) return Refuse(422, "Description is too long (maximum is 255 characters)");
  if (HasName(account, vpc.name, vpc.id)) return Refuse(409, "This name is already in use by another VPC network.");
  return std::nullopt;
}

std::vector<const Droplet*> Members(const Account& account, const std::string& vpc_id) {
  std::vector<const Droplet*> members;
  for (const auto& [id, droplet] : account.droplets) {
    if (droplet.vpc_uuid == vpc_id) members.push_back(&droplet);
  }
  return members;
}

Vpc& Add(Scene& scene, Vpc vpc) {
  const std::string id = vpc.id;
  return scene.account.vpcs[id] = std::move(vpc);
}

}  // namespace

Json ToJson(const Vpc& vpc) {
  return {{"id", vpc.id},
          {"urn", vpc.Urn()},
          {"name", vpc.name},
          {"description", vpc.description},
          {"region", vpc.region},
          {"ip_range", vpc.Range()},
          {"created_at", Timestamp(vpc.created)},
          {"default", vpc.is_default}};
}

Vpc& DefaultVpc(Scene& scene, std::string_view region) {
  for (auto& [id, vpc] : scene.account.vpcs) {
    if (vpc.is_default && vpc.region == region) return vpc;
  }
  const Network network = FreeRange(scene.account).value_or(Network{0x0a640000, kPrefix});
  return Add(scene, {.id = NewUuid(),
                     .name = absl::StrCat("default-", core::ToAbsl(region)),
                     .description = "",
                     .region = std::string(region),
                     .address = network.address,
                     .prefix = network.prefix,
                     .is_default = true,
                     .created = scene.now});
}

http_server::Response ListVpcs(Scene& scene, const Call& call) {
  std::vector<const Vpc*> vpcs;
  for (const auto& [id, vpc] : scene.account.vpcs) vpcs.push_back(&vpc);
  std::sort(vpcs.begin(), vpcs.end(), [](const Vpc* a, const Vpc* b) { return a->name < b->name; });
  return Page(call.request, "vpcs", vpcs.size(), [&](size_t i) { return ToJson(*vpcs[i]); });
}

http_server::Response CreateVpc(Scene& scene, const Call& call) {
  Fields fields(call.body);
  Vpc vpc{
      .id = NewUuid(), .name = fields.Text("name"), .description = fields.Text("description"), .created = scene.now};
  const Region* region = FindRegion(fields.Text("region"));
  const std::string range = fields.Text("ip_range");
  if (fields.refusal()) return *fields.refusal();
  if (region == nullptr) return Refuse(422, "Region is invalid.");
  vpc.region = std::string(region->slug);
  DefaultVpc(scene, vpc.region);
  if (auto refusal = CheckTexts(scene.account, vpc)) return *std::move(refusal);
  if (scene.account.vpcs.size() >= kResourcesMax) return Refuse(422, "You have reached the limit of VPC networks.");
  const std::optional<Network> network = range.empty() ? FreeRange(scene.account) : ParseRange(range);
  if (!network) {
    return Refuse(422, "The range must be of private addresses as defined in RFC1918, from /16 to /28 in size.");
  }
  if (const Vpc* other = FindOverlap(scene.account, *network); other != nullptr) {
    return Refuse(
        422, absl::StrCat("This range/size overlaps with another VPC network in your account: ", other->Range(), "."));
  }
  vpc.address = network->address;
  vpc.prefix = network->prefix;
  return Reply(201, "vpc", ToJson(Add(scene, std::move(vpc))));
}

http_server::Response GetVpc(Scene& scene, const Call& call) {
  const auto found = scene.account.vpcs.find(call.ids[0]);
  return found == scene.account.vpcs.end() ? NotFound() : Reply(200, "vpc", ToJson(found->second));
}

http_server::Response UpdateVpc(Scene& scene, const Call& call) {
  const auto found = scene.account.vpcs.find(call.ids[0]);
  if (found == scene.account.vpcs.end()) return NotFound();
  Fields fields(call.body);
  Vpc changed = found->second;
  if (fields.Has("name")) changed.name = fields.Text("name");
  // PUT replaces the whole of it, PATCH what it names.
  if (call.request.method == "PUT" || fields.Has("description")) changed.description = fields.Text("description");
  if (fields.refusal()) return *fields.refusal();
  if (auto refusal = CheckTexts(scene.account, changed)) return *std::move(refusal);
  found->second = std::move(changed);
  return Reply(200, "vpc", ToJson(found->second));
}

http_server::Response DeleteVpc(Scene& scene, const Call& call) {
  const auto found = scene.account.vpcs.find(call.ids[0]);
  if (found == scene.account.vpcs.end()) return NotFound();
  if (found->second.is_default) return Refuse(403, "Can not delete default VPCs");
  if (!Members(scene.account, found->first).empty()) return Refuse(409, "Can not delete VPC with members");
  scene.account.vpcs.erase(found);
  return NoContent();
}

http_server::Response ListVpcMembers(Scene& scene, const Call& call) {
  if (!scene.account.vpcs.contains(call.ids[0])) return NotFound();
  const std::vector<const Droplet*> members = Members(scene.account, call.ids[0]);
  return Page(call.request, "members", members.size(), [&](size_t i) {
    return Json{{"name", members[i]->name}, {"urn", members[i]->Urn()}, {"created_at", Timestamp(members[i]->created)}};
  });
}

}  // namespace stratus::sandbox::digitalocean
