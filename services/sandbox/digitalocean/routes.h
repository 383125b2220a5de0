// The paths under /v2, and who answers them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/sandbox/digitalocean/reply.h"
#include "services/sandbox/digitalocean/world.h"

namespace stratus::sandbox::digitalocean {

enum class Effect { kRead, kCreate, kChange, kDelete };

struct Route {
  std::string_view method;
  std::string_view path;  // under /v2/; `*` stands for one segment
  Effect effect;
  http_server::Response (*handler)(Scene& scene, const Call& call);
};

// Null: the real API has no such path either, or this one has not. `ids` gets what stands at the `*`s.
const Route* FindRoute(const http_server::Request& request, std::vector<std::string>* ids);

}  // namespace stratus::sandbox::digitalocean
