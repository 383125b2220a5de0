#include "services/provisioning/service/run_credentials.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/credential_rules.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

using v1::CredentialUse;

// The stack's before the tenant's; null: neither has one.
const store::CredentialRow* RowFor(const std::vector<store::CredentialRow>& rows, std::string_view provider) {
  const std::string id = domain::CredentialIdOf(provider);
  const store::CredentialRow* found = nullptr;
  for (const store::CredentialRow& row : rows) {
    if (row.provider == id && (found == nullptr || !row.stack_id.empty())) found = &row;
  }
  return found;
}

CredentialUse UseOf(const store::CredentialRow& row) {
  CredentialUse use;
  use.set_provider(domain::SourceOfCredentialId(row.provider));
  use.set_source(row.stack_id.empty() ? CredentialUse::SOURCE_TENANT : CredentialUse::SOURCE_STACK);
  use.set_credential(domain::CredentialNameOf(row.stack_id, row.provider));
  use.set_etag(row.uid);
  return use;
}

CredentialUse UseOf(const Credentials::Found& found, std::string_view provider) {
  CredentialUse use;
  use.set_provider(domain::ProviderSource(provider));
  use.set_source(found.source);
  return use;
}

bool IsSame(const CredentialUse& one, const CredentialUse& other) {
  return one.provider() == other.provider() && one.source() == other.source() &&
         one.credential() == other.credential() && one.etag() == other.etag();
}

absl::Status Missing(const Credentials& operators, const CredentialAsk& ask, const domain::KnownProvider& provider) {
  const std::string tenants = domain::CredentialNameOf("", provider.id);
  std::string what =
      absl::StrCat(core::ToAbsl(ask.module), " needs a credential of ", core::ToAbsl(provider.source),
                   ", and there is none: set ", domain::CredentialNameOf(ask.stack_id, provider.id), ", or ", tenants,
                   " for all stacks of the tenant, with ", core::ToAbsl(provider.required.front()));
  if (operators.ServerHas(provider.source)) {
    absl::StrAppend(&what, "; the server's own is not for this tenant (--server-credentials)");
  } else {
    absl::StrAppend(&what, "; or the operator sets ", core::ToAbsl(provider.server_variable), " for the server");
  }
  google::rpc::PreconditionFailure failure;
  auto* violation = failure.add_violations();
  violation->set_type("PROVIDER_CREDENTIALS");
  violation->set_subject(tenants);
  violation->set_description(what);
  return core::WithDetail(absl::FailedPreconditionError(what), failure);
}

void Add(CredentialUse use, const Credentials::Variables& variables, RunCredentials* run) {
  run->uses.push_back(std::move(use));
  for (const auto& [name, value] : variables) {
    run->environment.emplace(name, value);
    if (!domain::IsPublicVariable(name)) run->secrets.push_back(value);
  }
}

}  // namespace

absl::Status CheckCredentials(const Credentials& operators, const CredentialAsk& ask,
                              const std::vector<std::string>& providers,
                              const std::vector<store::CredentialRow>& rows) {
  for (const std::string& provider : providers) {
    const domain::KnownProvider* known = domain::KnownProviderOf(provider);
    if (known == nullptr || RowFor(rows, provider) != nullptr || operators.Find(ask.tenant, provider)) continue;
    return Missing(operators, ask, *known);
  }
  return absl::OkStatus();
}

absl::Status CheckSameCredentials(const std::vector<CredentialUse>& planned,
                                  const std::vector<CredentialUse>& present) {
  if (std::is_permutation(planned.begin(), planned.end(), present.begin(), present.end(), IsSame)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError("a credential has changed since the plan was made: plan again");
}

absl::Status CheckPlannedCredentials(const Credentials& operators, std::string_view tenant,
                                     const std::vector<CredentialUse>& planned,
                                     const std::vector<store::CredentialRow>& rows) {
  std::vector<CredentialUse> present;
  for (const CredentialUse& use : planned) {
    if (const store::CredentialRow* row = RowFor(rows, use.provider()); row != nullptr) {
      present.push_back(UseOf(*row));
    } else if (const auto found = operators.Find(tenant, use.provider())) {
      present.push_back(UseOf(*found, use.provider()));
    }
  }
  return CheckSameCredentials(planned, present);
}

absl::StatusOr<Credentials::Found> CredentialResolver::Open(const store::CredentialRow& row,
                                                            std::string_view provider) const {
  const auto opened = sealer_.Open(CredentialContext(row.tenant, row.stack_id, row.provider, row.uid), row.sealed);
  if (!opened.ok()) return opened.status();
  const auto variables = nlohmann::json::parse(*opened, nullptr, /*allow_exceptions=*/false);
  if (!variables.is_object()) return absl::DataLossError("a stored credential cannot be read");
  Credentials::Found found;
  found.source = UseOf(row).source();
  for (const auto& [name, value] : variables.items()) {
    if (value.is_string()) found.variables.emplace(name, value.get<std::string>());
  }
  for (const auto& [name, value] : operators_.AddressesOf(provider)) found.variables.insert_or_assign(name, value);
  return found;
}

absl::StatusOr<std::optional<store::CredentialRow>> CredentialResolver::Choose(
    const CredentialAsk& ask, std::string_view provider, const std::vector<store::CredentialRow>& rows,
    const CredentialUse* begun) const {
  // It had the operator's: what the tenant has set since is not what it was begun with.
  if (begun != nullptr && begun->etag().empty() && operators_.Find(ask.tenant, provider)) return std::nullopt;
  if (begun != nullptr && !begun->etag().empty()) {
    absl::StatusOr<store::CredentialRow> former = store_.GetCredential(begun->etag());
    if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
    if (former.ok() && former->tenant == ask.tenant && former->provider == domain::CredentialIdOf(provider)) {
      return *std::move(former);
    }
  }
  const store::CredentialRow* present = RowFor(rows, provider);
  return present == nullptr ? std::nullopt : std::make_optional(*present);
}

absl::StatusOr<bool> CredentialResolver::AddFor(std::string_view provider, const CredentialAsk& ask,
                                                const std::optional<store::CredentialRow>& row,
                                                RunCredentials* run) const {
  if (row) {
    absl::StatusOr<Credentials::Found> opened = Open(*row, provider);
    if (!opened.ok()) return opened.status();
    Add(UseOf(*row), opened->variables, run);
    return true;
  }
  if (const auto found = operators_.Find(ask.tenant, provider)) {
    Add(UseOf(*found, provider), found->variables, run);
    return true;
  }
  const domain::KnownProvider* known = domain::KnownProviderOf(provider);
  if (known != nullptr) return Missing(operators_, ask, *known);
  return false;
}

absl::StatusOr<RunCredentials> CredentialResolver::Resolve(const CredentialAsk& ask,
                                                           const std::vector<std::string>& providers,
                                                           const std::vector<CredentialUse>& begun_with) const {
  absl::StatusOr<std::vector<store::CredentialRow>> rows = store_.Credentials(ask.tenant, ask.stack_id);
  if (!rows.ok()) return rows.status();
  RunCredentials run;
  for (const std::string& provider : providers) {
    const auto begun = std::find_if(begun_with.begin(), begun_with.end(), [&](const CredentialUse& use) {
      return use.provider() == domain::ProviderSource(provider);
    });
    const CredentialUse* had = begun == begun_with.end() ? nullptr : &*begun;
    const auto row = Choose(ask, provider, *rows, had);
    if (!row.ok()) return row.status();
    const absl::StatusOr<bool> added = AddFor(provider, ask, *row, &run);
    if (!added.ok()) return added.status();
    if (had == nullptr) continue;
    run.replaced =
        run.replaced || !*added || run.uses.back().source() != had->source() || run.uses.back().etag() != had->etag();
  }
  return run;
}

}  // namespace stratus::provisioning::service
