// Which credential a run gets for each of its providers: its stack's, else its tenant's, both set over the API; else
// what the operator has set. They go into the engine's environment, to the finder, and nowhere else.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/service/credentials.h"
#include "services/provisioning/store/seal.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::service {

// Who asks for what.
struct CredentialAsk {
  std::string_view tenant;
  std::string_view stack_id;
  std::string_view module;  // for the message: `modules/droplet`
};

// OK, or FAILED_PRECONDITION that names what to set, with a google.rpc.PreconditionFailure. A provider whose variables
// are not listed (domain/credential_rules.h) is taken to need none. `rows`: Store::Credentials of the stack.
absl::Status CheckCredentials(const Credentials& operators, const CredentialAsk& ask,
                              const std::vector<std::string>& providers, const std::vector<store::CredentialRow>& rows);

// An approval is for the account that the plan was made in. OK, or FAILED_PRECONDITION: a run that was planned with
// `planned` (Run.credentials) would now be given another credential, one more or one less.
absl::Status CheckSameCredentials(const std::vector<v1::CredentialUse>& planned,
                                  const std::vector<v1::CredentialUse>& present);
// The same before there is a run that resolves them: what takes the place of each that was planned with.
absl::Status CheckPlannedCredentials(const Credentials& operators, std::string_view tenant,
                                     const std::vector<v1::CredentialUse>& planned,
                                     const std::vector<store::CredentialRow>& rows);

struct RunCredentials {
  std::vector<v1::CredentialUse> uses;             // one a provider that has any
  std::map<std::string, std::string> environment;  // all of them together
  std::vector<std::string> secrets;                // the values that must never be seen
  // Some provider has another one than the run was begun with: that is gone. What it was begun with may have made
  // things that this one cannot see.
  bool replaced = false;
};

class CredentialResolver {
 public:
  // All outlive it.
  CredentialResolver(store::Store* store, store::Sealer* sealer, const Credentials* operators)
      : store_(*store), sealer_(*sealer), operators_(*operators) {}

  // As CheckCredentials, and DATA_LOSS: one that cannot be opened. `begun_with`: what a run that is taken over had
  // (Run.credentials); each of it is used again as long as it is there.
  absl::StatusOr<RunCredentials> Resolve(const CredentialAsk& ask, const std::vector<std::string>& providers,
                                         const std::vector<v1::CredentialUse>& begun_with) const;

 private:
  // What the run was begun with, where that is still there; else the present row; nullopt: the operator's.
  absl::StatusOr<std::optional<store::CredentialRow>> Choose(const CredentialAsk& ask, std::string_view provider,
                                                             const std::vector<store::CredentialRow>& rows,
                                                             const v1::CredentialUse* begun) const;
  // False: there is none, and none is needed.
  absl::StatusOr<bool> AddFor(std::string_view provider, const CredentialAsk& ask,
                              const std::optional<store::CredentialRow>& row, RunCredentials* run) const;
  absl::StatusOr<Credentials::Found> Open(const store::CredentialRow& row, std::string_view provider) const;

  store::Store& store_;
  store::Sealer& sealer_;
  const Credentials& operators_;
};

}  // namespace stratus::provisioning::service
