#include "services/provisioning/service/api/tenant_credentials.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/credential_rules.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/uid.h"
#include "services/provisioning/service/api/mutation.h"
#include "services/provisioning/service/api/run_queue.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

using Variables = std::map<std::string, std::string>;

// How long a run that was begun with a former version may still be taken over with it.
constexpr absl::Duration kFormerKept = absl::Hours(24 * 7);
// Of a tenant and all its stacks, those that are not there yet too.
constexpr int kTenantCredentialsMax = 1000;

v1::Credential Present(const store::CredentialRow& row) {
  v1::Credential credential = row.record;
  credential.set_name(domain::CredentialNameOf(row.stack_id, row.provider));
  credential.set_etag(row.uid);
  return credential;
}

std::optional<store::CredentialRow> Pick(const std::vector<store::CredentialRow>& rows,
                                         const domain::CredentialName& name) {
  for (const store::CredentialRow& row : rows) {
    if (row.stack_id == name.stack && row.provider == name.provider) return row;
  }
  return std::nullopt;
}

absl::Status CheckEtag(const std::optional<store::CredentialRow>& row, std::string_view name, std::string_view etag) {
  if (etag.empty() || (row && row->uid == etag)) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(core::ToAbsl(name), row ? " has changed since" : " is not there any more"));
}

absl::Status Check(const v1::UpdateCredentialRequest& request, const domain::CredentialName& name,
                   const Variables& variables) {
  domain::Violations violations;
  domain::CheckCredentialVariables(name.provider, variables, "credential.variables", &violations);
  for (const std::string& path : request.update_mask().paths()) {
    if (path != "variables" && path != "*") violations.Add("update_mask", "may name `variables` alone");
  }
  return violations.ToStatus();
}

absl::Status CheckRoom(store::Transaction& transaction, const std::string& tenant, const domain::CredentialName& name,
                       const std::vector<store::CredentialRow>& rows) {
  const auto beside = std::count_if(rows.begin(), rows.end(),
                                    [&](const store::CredentialRow& row) { return row.stack_id == name.stack; });
  if (beside >= domain::kCredentialsMax) {
    const std::string what = name.stack.empty() ? "credentials" : "credentials of " + domain::StackName(name.stack);
    return QuotaReached(tenant, what, domain::kCredentialsMax);
  }
  const absl::StatusOr<int> all = transaction.CountCredentials(tenant);
  if (!all.ok()) return all.status();
  return *all < kTenantCredentialsMax ? absl::OkStatus()
                                      : QuotaReached(tenant, "credentials of all its stacks", kTenantCredentialsMax);
}

// The row that takes the place of `former`.
absl::StatusOr<store::CredentialRow> NewRow(const ApiParts& parts, const Caller& caller,
                                            const domain::CredentialName& name, const Variables& variables,
                                            const std::optional<store::CredentialRow>& former) {
  store::CredentialRow row;
  row.uid = domain::NewUid();
  row.tenant = caller.tenant;
  row.stack_id = name.stack;
  row.provider = name.provider;
  row.record.set_provider(domain::SourceOfCredentialId(name.provider));
  for (const auto& [variable, value] : variables) row.record.add_variable_names(variable);
  *row.record.mutable_update_time() = domain::ToProto(parts.clock->Now());
  *row.record.mutable_create_time() = former ? former->record.create_time() : row.record.update_time();
  *row.record.mutable_updater() = caller.principal;
  absl::StatusOr<std::string> sealed = parts.sealer->Seal(
      CredentialContext(row.tenant, row.stack_id, row.provider, row.uid), nlohmann::json(variables).dump());
  if (!sealed.ok()) return sealed.status();
  row.sealed = *std::move(sealed);
  return row;
}

// Who chooses the account that a stack's plans are carried out in has edited it. It may not be there yet.
absl::Status NoteEditor(const ApiParts& parts, store::Transaction& transaction, const Caller& caller,
                        const std::string& stack_id) {
  if (stack_id.empty()) return absl::OkStatus();
  auto stack = transaction.GetStack(caller.tenant, stack_id);
  if (absl::IsNotFound(stack.status())) return absl::OkStatus();
  if (!stack.ok()) return stack.status();
  *stack->record.mutable_last_editor() = caller.principal;
  *stack->record.mutable_update_time() = domain::ToProto(parts.clock->Now());
  return transaction.PutStack(&*stack);
}

}  // namespace

absl::StatusOr<v1::Credential> TenantCredentials::Update(const Caller& caller,
                                                         const v1::UpdateCredentialRequest& request) {
  const std::string& text = request.credential().name();
  const auto name = domain::ParseCredentialName(text);
  if (!name) return core::InvalidField("credential.name", domain::kCredentialNameRule);
  const Variables variables(request.credential().variables().begin(), request.credential().variables().end());
  if (absl::Status status = Check(request, *name, variables); !status.ok()) return status;
  const Mutation mutation{caller, "UpdateCredential", text, request.request_id(), request};
  return Mutate<v1::Credential>(
      parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<v1::Credential> {
        // One at a time of a tenant: two must not both take the last place.
        if (absl::Status status = LockQuota(transaction, caller.tenant); !status.ok()) return status;
        const auto rows = transaction.Credentials(caller.tenant, name->stack);
        if (!rows.ok()) return rows.status();
        const auto former = Pick(*rows, *name);
        if (!former && !request.allow_missing()) return NoSuch(text);
        if (absl::Status status = CheckEtag(former, text, request.credential().etag()); !status.ok()) return status;
        if (!former) {
          if (absl::Status status = CheckRoom(transaction, caller.tenant, *name, *rows); !status.ok()) return status;
        }
        const auto row = NewRow(parts_, caller, *name, variables, former);
        if (!row.ok()) return row.status();
        const absl::Status put = transaction.PutCredential(*row, parts_.clock->Now() + kFormerKept);
        if (!put.ok()) return put;
        const absl::Status noted = NoteEditor(parts_, transaction, caller, name->stack);
        if (!noted.ok()) return noted;
        return Present(*row);
      });
}

absl::StatusOr<v1::Credential> TenantCredentials::Get(const Caller& caller, const v1::GetCredentialRequest& request) {
  const auto name = domain::ParseCredentialName(request.name());
  if (!name) return core::InvalidField("name", domain::kCredentialNameRule);
  const auto rows = parts_.store->Credentials(caller.tenant, name->stack);
  if (!rows.ok()) return rows.status();
  const auto row = Pick(*rows, *name);
  if (!row) return NoSuch(request.name());
  return Present(*row);
}

absl::StatusOr<v1::ListCredentialsResponse> TenantCredentials::List(const Caller& caller,
                                                                    const v1::ListCredentialsRequest& request) {
  domain::Violations violations;
  const auto stack =
      request.parent().empty() ? std::make_optional<std::string>() : domain::ParseStackName(request.parent());
  if (!stack) violations.Add("parent", "must be `stacks/{stack}`, or empty");
  const int size = domain::CheckPageSize(request.page_size(), &violations);
  // There are few: a page goes on behind the provider that its token names.
  const std::string& after = request.page_token();
  if (!after.empty() && !domain::ParseCredentialName("credentials/" + after)) {
    violations.Add("page_token", "is none of this list");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto rows = parts_.store->Credentials(caller.tenant, *stack);
  if (!rows.ok()) return rows.status();
  v1::ListCredentialsResponse response;
  std::string last;
  for (const store::CredentialRow& row : *rows) {
    if (row.stack_id != *stack || row.provider <= after) continue;
    if (response.credentials_size() == size) {
      response.set_next_page_token(last);
      break;
    }
    *response.add_credentials() = Present(row);
    last = row.provider;
  }
  return response;
}

absl::StatusOr<google::protobuf::Empty> TenantCredentials::Delete(const Caller& caller,
                                                                  const v1::DeleteCredentialRequest& request) {
  const auto name = domain::ParseCredentialName(request.name());
  if (!name) return core::InvalidField("name", domain::kCredentialNameRule);
  const Mutation mutation{caller, "DeleteCredential", request.name(), request.request_id(), request};
  using google::protobuf::Empty;
  return Mutate<Empty>(parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<Empty> {
    if (absl::Status status = LockQuota(transaction, caller.tenant); !status.ok()) return status;
    const auto rows = transaction.Credentials(caller.tenant, name->stack);
    if (!rows.ok()) return rows.status();
    const auto row = Pick(*rows, *name);
    if (!row) return request.allow_missing() ? absl::StatusOr<Empty>(Empty()) : NoSuch(request.name());
    if (absl::Status status = CheckEtag(row, request.name(), request.etag()); !status.ok()) return status;
    const absl::Status deleted = transaction.DeleteCredential(caller.tenant, name->stack, name->provider);
    if (!deleted.ok()) return deleted;
    const absl::Status noted = NoteEditor(parts_, transaction, caller, name->stack);
    if (!noted.ok()) return noted;
    return Empty();
  });
}

}  // namespace stratus::provisioning::service
