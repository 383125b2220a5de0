// /v2/account/keys: SSH keys, by id or fingerprint.
#pragma once

#include <string_view>

#include "services/sandbox/digitalocean/reply.h"
#include "services/sandbox/digitalocean/world.h"

namespace stratus::sandbox::digitalocean {

http_server::Response ListKeys(Scene& scene, const Call& call);
http_server::Response CreateKey(Scene& scene, const Call& call);
http_server::Response GetKey(Scene& scene, const Call& call);
http_server::Response RenameKey(Scene& scene, const Call& call);
http_server::Response DeleteKey(Scene& scene, const Call& call);

// By its id or its fingerprint; null: the account has none.
SshKey* FindKey(Account& account, std::string_view id_or_fingerprint);

Json ToJson(const SshKey& key);

}  // namespace stratus::sandbox::digitalocean
