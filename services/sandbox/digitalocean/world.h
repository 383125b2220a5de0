// What the sandbox's DigitalOcean holds: accounts, and in each what its token's owner has made. Plain data, all of it
// guarded by the one lock of the Api.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace stratus::sandbox::digitalocean {

// Of one family in one account; past it, creates are refused. A sandbox must not eat the machine.
inline constexpr size_t kResourcesMax = 10'000;
inline constexpr size_t kDropletsMax = 1'000;  // `droplet_limit` of the account
inline constexpr size_t kAccountsMax = 1'000;

struct SshKey {
  int64_t id = 0;
  std::string name = {};
  std::string public_key = {};   // as it was given, without the space around it
  std::string fingerprint = {};  // MD5 of the key's blob, `3b:16:...`
};

struct Droplet {
  int64_t id = 0;
  std::string name = {};
  std::string region = {};  // slugs of catalog.h
  std::string size = {};
  std::string image = {};
  int disk_gb = 0;  // may lag behind the size: a resize can leave the disk alone
  bool backups = false;
  bool ipv6 = false;
  bool monitoring = false;
  bool off = false;
  std::string vpc_uuid = {};
  std::set<std::string> tags = {};  // as the tags spell themselves
  absl::Time created = {};
  // On the clock's monotonic time; until then it is `new` and locked. Infinite: stuck.
  absl::Duration ready_at = {};

  std::string Urn() const;
};

struct Action {
  int64_t id = 0;
  std::string type = {};
  int64_t droplet_id = 0;
  std::string region = {};
  absl::Time started = {};
  absl::Duration began_at = {};  // the same, on the monotonic time
  absl::Duration done_at = {};   // on the monotonic time
};

struct Tag {
  std::string name = {};
  int64_t last_tagged_droplet = 0;  // 0: none yet
};

struct Vpc {
  std::string id = {};
  std::string name = {};
  std::string description = {};
  std::string region = {};
  uint32_t address = 0;  // of the range, in host order
  int prefix = 20;
  bool is_default = false;
  absl::Time created = {};

  std::string Range() const;
  std::string Urn() const { return "do:vpc:" + id; }
};

struct Project {
  std::string id = {};
  std::string name = {};
  std::string description = {};
  std::string purpose = {};
  std::string environment = {};
  bool is_default = false;
  absl::Time created = {};
  absl::Time updated = {};
  std::map<std::string, absl::Time> resources = {};  // by URN; what no project has belongs to the default one
};

struct Account {
  std::string id = {};    // from the token: `a3f1...`, never the token itself
  std::string uuid = {};  // as the API shows it
  std::map<int64_t, SshKey> keys = {};
  std::map<int64_t, Droplet> droplets = {};
  std::map<int64_t, Action> actions = {};
  std::map<std::string, Tag> tags = {};  // by the name in lower case
  std::map<std::string, Vpc> vpcs = {};
  std::map<std::string, Project> projects = {};
  // Calls in the hour that began at `window_start`.
  absl::Time window_start = absl::InfinitePast();
  int64_t calls = 0;
};

// What a family's handlers work on during one call, under the lock.
struct Scene {
  Account& account;
  absl::Time now = {};
  absl::Duration monotonic = {};
  // Draws what a droplet made now takes until it is active; infinite: for ever.
  std::function<absl::Duration()> boot;
  int64_t& last_id;  // of the whole cloud: ids are never used twice

  int64_t NextId() const { return ++last_id; }
};

// A random (version 4) UUID.
std::string NewUuid();

// `2026-01-15T00:00:00Z`
std::string Timestamp(absl::Time time);

}  // namespace stratus::sandbox::digitalocean
