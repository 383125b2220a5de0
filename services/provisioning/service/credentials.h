// The provider credentials that the operator has set: a tenant's in the secrets file, and the server's own. What
// tenants set themselves, over the API, comes first: see run_credentials.h.
//
//   global:                         # optional; beats what the environment gives
//     DIGITALOCEAN_TOKEN: ...
//   tenants:
//     TENANT:
//       DIGITALOCEAN_TOKEN: ...
//   state:                          # optional: what opens the bucket of the states, for the service alone
//     AWS_ACCESS_KEY_ID: ...
//     AWS_SECRET_ACCESS_KEY: ...
//
// A provider's variables come from one place as a whole: a tenant's token in the file never goes to an address that was
// set for the server's, nor the other way round.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::service {

// Whose runs may use the server's own credentials: whoever may spends the operator's money.
struct ServerCredentialUse {
  bool everyone = true;
  std::set<std::string, std::less<>> tenants;  // where not everyone

  bool Allows(std::string_view tenant) const { return everyone || tenants.contains(tenant); }
};

// `all`, `none`, or tenants by name with commas between. INVALID_ARGUMENT: an empty name.
absl::StatusOr<ServerCredentialUse> ParseServerCredentialUse(std::string_view text);
// Where nothing is said: a developer's machine has one user, and in production nobody is taken for granted.
ServerCredentialUse DefaultServerCredentialUse(bool development);

class Credentials {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;

  struct Options {
    // YAML as above; empty: none. Refused when anyone but its owner may read it.
    std::string secrets_file;
    // The server's own, as the engine reads them (`DIGITALOCEAN_TOKEN`): see GlobalFromEnvironment.
    Variables global;
    ServerCredentialUse server_use;
  };
  // INVALID_ARGUMENT, PERMISSION_DENIED and NOT_FOUND name the file and the place in it, never a value.
  static absl::StatusOr<std::unique_ptr<Credentials>> Load(const Options& options);

  // What a run of the tenant gets for a provider (an address, as Module.providers has it) that the tenant has set
  // nothing for.
  struct Found {
    v1::CredentialUse::Source source = v1::CredentialUse::SOURCE_UNSPECIFIED;
    Variables variables;
  };
  // nullopt: there is none that the tenant may use. A provider whose variables are not listed (credential_rules.h) gets
  // all that the place has and that is no listed provider's.
  std::optional<Found> Find(std::string_view tenant, std::string_view provider) const;

  // Whether the server has one of its own for the provider, for this tenant or not.
  bool ServerHas(std::string_view provider) const;

  // Where the operator says that the provider's API is (DIGITALOCEAN_API_URL): goes with what a tenant sets over the
  // API, which has no say in that.
  Variables AddressesOf(std::string_view provider) const;

  // What opens the bucket of the states: the file's `state`. No engine is ever given it.
  const Variables& state() const { return state_; }

 private:
  Credentials() = default;

  Variables global_;
  Variables state_;
  ServerCredentialUse server_use_;
  std::map<std::string, Variables, std::less<>> tenants_;
};

// DIGITALOCEAN_API_TOKEN as DIGITALOCEAN_TOKEN, and DIGITALOCEAN_API_URL (the sandbox's address, in development).
// `get` is getenv-like: empty for what is not set.
Credentials::Variables GlobalFromEnvironment(const std::function<std::string(std::string_view)>& get);

}  // namespace stratus::provisioning::service
