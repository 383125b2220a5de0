// /v2/droplets: created (202, `new` and locked), active after a while, deleted.
#pragma once

#include "services/sandbox/digitalocean/reply.h"
#include "services/sandbox/digitalocean/world.h"

namespace stratus::sandbox::digitalocean {

// With `tag_name` or `name` in the query: those that match.
http_server::Response ListDroplets(Scene& scene, const Call& call);
http_server::Response CreateDroplets(Scene& scene, const Call& call);
http_server::Response GetDroplet(Scene& scene, const Call& call);
http_server::Response DeleteDroplet(Scene& scene, const Call& call);
http_server::Response DeleteDropletsByTag(Scene& scene, const Call& call);

// 1 to 255 letters, digits, `.` and `-`, a letter or digit first.
bool IsHostName(std::string_view name);

// Null: the account has none of that id.
Droplet* FindDroplet(Account& account, std::string_view id);

inline bool IsNew(const Droplet& droplet, absl::Duration monotonic) { return droplet.ready_at > monotonic; }

// `new`, `active` or `off`.
std::string_view StatusOf(const Droplet& droplet, absl::Duration monotonic);

Json ToJson(const Account& account, const Droplet& droplet, absl::Duration monotonic);

}  // namespace stratus::sandbox::digitalocean
