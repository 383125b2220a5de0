#include "services/sandbox/digitalocean/routes.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/sandbox/digitalocean/droplet_actions.h"
#include "services/sandbox/digitalocean/droplets.h"
#include "services/sandbox/digitalocean/keys.h"
#include "services/sandbox/digitalocean/offers.h"
#include "services/sandbox/digitalocean/projects.h"
#include "services/sandbox/digitalocean/tags.h"
#include "services/sandbox/digitalocean/vpcs.h"

namespace stratus::sandbox::digitalocean {
namespace {

constexpr Route kRoutes[] = {{"GET", "account", Effect::kRead, GetAccount},
                             {"GET", "account/keys", Effect::kRead, ListKeys},
                             {"POST", "account/keys", Effect::kCreate, CreateKey},
                             {"GET", "account/keys/*", Effect::kRead, GetKey},
                             {"PUT", "account/keys/*", Effect::kChange, RenameKey},
                             {"DELETE", "account/keys/*", Effect::kDelete, DeleteKey},
                             {"GET", "regions", Effect::kRead, ListRegions},
                             {"GET", "sizes", Effect::kRead, ListSizes},
                             {"GET", "images", Effect::kRead, ListImages},
                             {"GET", "images/*", Effect::kRead, GetImage},
                             {"GET", "actions", Effect::kRead, ListActions},
                             {"GET", "actions/*", Effect::kRead, GetAction},
                             {"GET", "droplets", Effect::kRead, ListDroplets},
                             {"POST", "droplets", Effect::kCreate, CreateDroplets},
                             {"DELETE", "droplets", Effect::kDelete, DeleteDropletsByTag},
                             {"GET", "droplets/*", Effect::kRead, GetDroplet},
                             {"DELETE", "droplets/*", Effect::kDelete, DeleteDroplet},
                             {"GET", "droplets/*/actions", Effect::kRead, ListDropletActions},
                             {"POST", "droplets/*/actions", Effect::kChange, ActOnDroplet},
                             {"GET", "droplets/*/actions/*", Effect::kRead, GetDropletAction},
                             {"GET", "tags", Effect::kRead, ListTags},
                             {"POST", "tags", Effect::kCreate, CreateTag},
                             {"GET", "tags/*", Effect::kRead, GetTag},
                             {"DELETE", "tags/*", Effect::kDelete, DeleteTag},
                             {"POST", "tags/*/resources", Effect::kChange, TagResources},
                             {"DELETE", "tags/*/resources", Effect::kChange, UntagResources},
                             {"GET", "vpcs", Effect::kRead, ListVpcs},
                             {"POST", "vpcs", Effect::kCreate, CreateVpc},
                             {"GET", "vpcs/*", Effect::kRead, GetVpc},
                             {"PUT", "vpcs/*", Effect::kChange, UpdateVpc},
                             {"PATCH", "vpcs/*", Effect::kChange, UpdateVpc},
                             {"DELETE", "vpcs/*", Effect::kDelete, DeleteVpc},
                             {"GET", "vpcs/*/members", Effect::kRead, ListVpcMembers},
                             {"GET", "projects", Effect::kRead, ListProjects},
                             {"POST", "projects", Effect::kCreate, CreateProject},
                             {"GET", "projects/*", Effect::kRead, GetProject},
                             {"PUT", "projects/*", Effect::kChange, UpdateProject},
                             {"PATCH", "projects/*", Effect::kChange, UpdateProject},
                             {"DELETE", "projects/*", Effect::kDelete, DeleteProject},
                             {"GET", "projects/*/resources", Effect::kRead, ListProjectResources},
                             {"POST", "projects/*/resources", Effect::kChange, AssignProjectResources}};

}  // namespace

const Route* FindRoute(const http_server::Request& request, std::vector<std::string>* ids) {
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::vector<std::string> segments = absl::StrSplit(request.path, '/', absl::SkipEmpty());
  segments.erase(segments.begin());  // v2
  for (const Route& route : kRoutes) {
    const std::vector<absl::string_view> pattern = absl::StrSplit(core::ToAbsl(route.path), '/');
    if (route.method != method || pattern.size() != segments.size()) continue;
    if (!std::equal(pattern.begin(), pattern.end(), segments.begin(),
                    [](absl::string_view want, const std::string& is) { return want == "*" || want == is; })) {
      continue;
    }
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == "*") ids->push_back(segments[i]);
    }
    return &route;
  }
  return nullptr;
}

}  // namespace stratus::sandbox::digitalocean
