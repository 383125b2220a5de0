// /v2/vpcs. A region gets its default network when something is made in it, as the real regions do.
#pragma once

#include <string_view>

#include "services/sandbox/digitalocean/reply.h"
#include "services/sandbox/digitalocean/world.h"

namespace stratus::sandbox::digitalocean {

http_server::Response ListVpcs(Scene& scene, const Call& call);
http_server::Response CreateVpc(Scene& scene, const Call& call);
http_server::Response GetVpc(Scene& scene, const Call& call);
http_server::Response UpdateVpc(Scene& scene, const Call& call);
http_server::Response DeleteVpc(Scene& scene, const Call& call);
http_server::Response ListVpcMembers(Scene& scene, const Call& call);

// The default network of a region, made when there is none yet.
Vpc& DefaultVpc(Scene& scene, std::string_view region);

Json ToJson(const Vpc& vpc);

}  // namespace stratus::sandbox::digitalocean
