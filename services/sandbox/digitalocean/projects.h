// /v2/projects. Every account has a default project, which holds what no other project does.
#pragma once

#include <string_view>

#include "services/sandbox/digitalocean/reply.h"
#include "services/sandbox/digitalocean/world.h"

namespace stratus::sandbox::digitalocean {

http_server::Response ListProjects(Scene& scene, const Call& call);
http_server::Response CreateProject(Scene& scene, const Call& call);
http_server::Response GetProject(Scene& scene, const Call& call);
http_server::Response UpdateProject(Scene& scene, const Call& call);
http_server::Response DeleteProject(Scene& scene, const Call& call);
http_server::Response ListProjectResources(Scene& scene, const Call& call);
http_server::Response AssignProjectResources(Scene& scene, const Call& call);

// The default project that a new account starts with.
Project MakeDefaultProject(absl::Time now);

// Forgets a resource that is no more.
void LeaveProjects(Account& account, const std::string& urn);

Json ToJson(const Account& account, const Project& project);

}  // namespace stratus::sandbox::digitalocean
