#include "services/sandbox/digitalocean/keys.h"

#include "absl/strings/ascii.h"
#include "services/sandbox/digitalocean/ssh_public_key.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {

Json ToJson(const SshKey& key) {
  return {{"id", key.id}, {"fingerprint", key.fingerprint}, {"public_key", key.public_key}, {"name", key.name}};
}

SshKey* FindKey(Account& account, std::string_view id_or_fingerprint) {
  const auto id = ParseId(id_or_fingerprint);
  for (auto& [key_id, key] : account.keys) {
    if ((id && *id == key_id) || key.fingerprint == id_or_fingerprint) return &key;
  }
  return nullptr;
}

http_server::Response ListKeys(Scene& scene, const Call& call) {
  std::vector<const SshKey*> keys;
  for (const auto& [id, key] : scene.account.keys) keys.push_back(&key);
  return Page(call.request, "ssh_keys", keys.size(), [&](size_t i) { return ToJson(*keys[i]); });
}

http_server::Response CreateKey(Scene& scene, const Call& call) {
  Fields fields(call.body);
  SshKey key;
  key.name = fields.Text("name");
  key.public_key = std::string(absl::StripAsciiWhitespace(fields.Text("public_key")));
  if (fields.refusal()) return *fields.refusal();
  if (absl::StripAsciiWhitespace(key.name).empty()) return Refuse(422, "Name can't be blank");
  if (key.public_key.empty()) return Refuse(422, "Public key can't be blank");
  const auto parsed = ParseSshPublicKey(key.public_key);
  if (!parsed.ok()) return Refuse(422, std::string(parsed.status().message()));
  key.fingerprint = parsed->fingerprint;
  if (FindKey(scene.account, key.fingerprint) != nullptr) {
    return Refuse(422, "SSH Key is already in use on your account");
  }
  if (scene.account.keys.size() >= kResourcesMax) return Refuse(422, "You have reached the limit of SSH keys");
  key.id = scene.NextId();
  const int64_t id = key.id;
  return Reply(201, "ssh_key", ToJson(scene.account.keys[id] = std::move(key)));
}

http_server::Response GetKey(Scene& scene, const Call& call) {
  const SshKey* key = FindKey(scene.account, call.ids[0]);
  return key == nullptr ? NotFound() : Reply(200, "ssh_key", ToJson(*key));
}

http_server::Response RenameKey(Scene& scene, const Call& call) {
  SshKey* key = FindKey(scene.account, call.ids[0]);
  if (key == nullptr) return NotFound();
  Fields fields(call.body);
  std::string name = fields.Text("name");
  if (fields.refusal()) return *fields.refusal();
  if (name.empty()) return Refuse(422, "Name can't be blank");
  key->name = std::move(name);
  return Reply(200, "ssh_key", ToJson(*key));
}

http_server::Response DeleteKey(Scene& scene, const Call& call) {
  const SshKey* key = FindKey(scene.account, call.ids[0]);
  if (key == nullptr) return NotFound();
  scene.account.keys.erase(key->id);
  return NoContent();
}

}  // namespace stratus::sandbox::digitalocean
