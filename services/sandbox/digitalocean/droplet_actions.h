// /v2/droplets/*/actions and /v2/actions: what happens to a droplet after its making.
#pragma once

#include <string_view>

#include "services/sandbox/digitalocean/reply.h"
#include "services/sandbox/digitalocean/world.h"

namespace stratus::sandbox::digitalocean {

// power_on, power_off, shutdown, power_cycle, reboot, rename, resize, enable_ipv6, enable_private_networking,
// enable_backups, disable_backups. They have happened when the reply comes.
http_server::Response ActOnDroplet(Scene& scene, const Call& call);
http_server::Response ListDropletActions(Scene& scene, const Call& call);
http_server::Response GetDropletAction(Scene& scene, const Call& call);
http_server::Response ListActions(Scene& scene, const Call& call);
http_server::Response GetAction(Scene& scene, const Call& call);

// Records an action that is over at `done_at`.
const Action& AddAction(Scene& scene, const Droplet& droplet, std::string_view type, absl::Duration done_at);

}  // namespace stratus::sandbox::digitalocean
