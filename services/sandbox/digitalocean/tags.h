// /v2/tags. Names are found in any case and keep the one that they were made with.
#pragma once

#include <string_view>

#include "services/sandbox/digitalocean/reply.h"
#include "services/sandbox/digitalocean/world.h"

namespace stratus::sandbox::digitalocean {

http_server::Response ListTags(Scene& scene, const Call& call);
http_server::Response CreateTag(Scene& scene, const Call& call);
http_server::Response GetTag(Scene& scene, const Call& call);
http_server::Response DeleteTag(Scene& scene, const Call& call);
http_server::Response TagResources(Scene& scene, const Call& call);
http_server::Response UntagResources(Scene& scene, const Call& call);

// 1 to 255 letters, digits, `:`, `-`, `_`.
bool IsTagName(std::string_view name);

// The tag of that name, in any case, made when there is none. Null: the name is none, or the account is full.
Tag* FindOrMakeTag(Account& account, std::string_view name);
Tag* FindTag(Account& account, std::string_view name);

}  // namespace stratus::sandbox::digitalocean
