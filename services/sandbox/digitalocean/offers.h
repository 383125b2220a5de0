// /v2/account, /v2/regions, /v2/sizes and /v2/images: what is there to be read.
#pragma once

#include "services/sandbox/digitalocean/reply.h"
#include "services/sandbox/digitalocean/world.h"

namespace stratus::sandbox::digitalocean {

http_server::Response GetAccount(Scene& scene, const Call& call);
http_server::Response ListRegions(Scene& scene, const Call& call);
http_server::Response ListSizes(Scene& scene, const Call& call);
// With `private=true` none: nobody has images of their own here.
http_server::Response ListImages(Scene& scene, const Call& call);
http_server::Response GetImage(Scene& scene, const Call& call);

}  // namespace stratus::sandbox::digitalocean
