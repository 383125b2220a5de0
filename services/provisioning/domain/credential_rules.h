// What a provider's credential may be, as pure functions: names, and which environment variables may be set.
//
// A credential is known by its provider: `digitalocean`, `aws`, or `NAMESPACE.TYPE` for those that are not listed here.
// Hosts do not count: the mirror says which providers there are.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/provisioning/domain/violations.h"

namespace stratus::provisioning::domain {

inline constexpr int kCredentialVariablesMax = 16;
inline constexpr size_t kCredentialValueBytesMax = 16 << 10;
inline constexpr size_t kCredentialBytesMax = 32 << 10;  // names and values together
inline constexpr int kCredentialsMax = 20;               // of a tenant, and of each stack

// A provider whose variables are listed.
struct KnownProvider {
  std::string_view id;                     // `aws`
  std::string_view source;                 // `hashicorp/aws`
  std::vector<std::string_view> required;  // without them there is no credential; the first is the one to ask for
  std::vector<std::string_view> optional;
  std::vector<std::string_view> operators;  // for the operator alone: where the provider's API is
  std::string_view server_variable;         // what the server's administrator sets, where that has another name

  bool Reads(std::string_view variable) const;
};

const std::vector<KnownProvider>& KnownProviders();
// Of an address, with a host in front or without; null: not listed.
const KnownProvider* KnownProviderOf(std::string_view address);

// `registry.opentofu.org/acme/rockets` -> `acme/rockets`.
std::string ProviderSource(std::string_view address);
// `registry.opentofu.org/hashicorp/aws` -> `aws`; `acme/rockets` -> `acme.rockets`.
std::string CredentialIdOf(std::string_view address);

struct CredentialName {
  std::string stack;     // empty: the tenant's own
  std::string provider;  // the id
};
// `credentials/{provider}`, `stacks/{stack}/credentials/{provider}`.
std::optional<CredentialName> ParseCredentialName(std::string_view name);
std::string CredentialNameOf(std::string_view stack, std::string_view provider);
inline constexpr std::string_view kCredentialNameRule =
    "must be `credentials/{provider}` or `stacks/{stack}/credentials/{provider}`, the provider `digitalocean`, `aws`, "
    "or "
    "`NAMESPACE.TYPE` of any other";
// The source of a valid id: `aws` -> `hashicorp/aws`.
std::string SourceOfCredentialId(std::string_view id);

// [A-Z0-9_], no digit first, at most 128, and nothing that steers the engine (TF_*, TOFU_*, STRATUS_*) or how programs
// are loaded (LD_*, PATH, HOME).
bool IsCredentialVariable(std::string_view name);
// Whether it changes how any program works: its loader, its interpreter, its proxies, its certificates. A tenant may
// not.
bool SteersPrograms(std::string_view name);
// Whether the value is an address or a place, which is no secret.
bool IsPublicVariable(std::string_view name);

// What a tenant may set over the API; adds what is wrong under `field`.
void CheckCredentialVariables(std::string_view id, const std::map<std::string, std::string>& variables,
                              std::string_view field, Violations* violations);

}  // namespace stratus::provisioning::domain
