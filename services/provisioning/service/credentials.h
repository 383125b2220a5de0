// Which provider credentials a run gets: its tenant's own from the secrets file, else the server's. They go into the
// engine's environment and nowhere else.
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
// A provider's variables come from one place as a whole: a tenant's token never goes to an address that was set for
// the server's, nor the other way round. A run gets only what the providers of its module read.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::service {

class Credentials {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;

  struct Options {
    // YAML as above; empty: none. Refused when anyone but its owner may read it.
    std::string secrets_file;
    // The server's own, as the engine reads them (`DIGITALOCEAN_TOKEN`): see GlobalFromEnvironment.
    Variables global;
  };
  // INVALID_ARGUMENT, PERMISSION_DENIED and NOT_FOUND name the file and the place in it, never a value.
  static absl::StatusOr<std::unique_ptr<Credentials>> Load(const Options& options);

  // The environment for a run of `module` for `tenant`. Empty for a module without providers.
  std::map<std::string, std::string> For(std::string_view tenant, const v1::Module& module) const;

  // The values among For() that must never be seen: for the Redactor.
  std::vector<std::string> Secrets(std::string_view tenant, const v1::Module& module) const;

  // What opens the bucket of the states: the file's `state`. No engine is ever given it.
  const Variables& state() const { return state_; }

  // OK, or FAILED_PRECONDITION that names the variable to set, with a google.rpc.PreconditionFailure. A provider that
  // is not known here (credentials.cc lists those that are) is taken to need none.
  absl::Status Check(std::string_view tenant, const v1::Module& module) const;

 private:
  Credentials() = default;
  const Variables* SourceOf(std::string_view tenant, const std::vector<std::string_view>& names,
                            std::string_view needed) const;

  Variables global_;
  Variables state_;
  std::map<std::string, Variables, std::less<>> tenants_;
};

// DIGITALOCEAN_API_TOKEN as DIGITALOCEAN_TOKEN, and DIGITALOCEAN_API_URL (the sandbox's address, in development).
// `get` is getenv-like: empty for what is not set.
Credentials::Variables GlobalFromEnvironment(const std::function<std::string(std::string_view)>& get);

}  // namespace stratus::provisioning::service
