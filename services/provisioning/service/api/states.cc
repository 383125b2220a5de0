#include "services/provisioning/service/api/states.h"

#include <openssl/evp.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/approvals.h"
#include "services/provisioning/service/api/audit_events.h"
#include "services/provisioning/service/api/mutation.h"
#include "services/provisioning/service/api/present.h"
#include "services/provisioning/service/api/run_queue.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

std::string Sha256Hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

// The end of the string literal that begins at `at`: just past its closing quote.
size_t EndOfString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

// Where the number of the top-level member `serial` begins; npos: there is none.
size_t SerialAt(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  int depth = 0;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '"') {
      if (text[at] == '{' || text[at] == '[') ++depth;
      if (text[at] == '}' || text[at] == ']') --depth;
      ++at;
      continue;
    }
    const size_t end = EndOfString(text, at);
    if (end > text.size()) break;
    const size_t colon = text.find_first_not_of(kSpace, end);
    const bool is_key = colon != std::string_view::npos && text[colon] == ':';
    if (depth == 1 && is_key && text.substr(at, end - at) == "\"serial\"") {
      return text.find_first_not_of(kSpace, colon + 1);
    }
    at = end;
  }
  return std::string_view::npos;
}

}  // namespace

absl::StatusOr<std::string> WithSerial(std::string_view state, int64_t serial) {
  const size_t begin = SerialAt(state);
  if (begin == std::string_view::npos) return absl::InvalidArgumentError("the state has no serial");
  const size_t end = state.find_first_not_of("0123456789", begin);
  if (end == begin || end == std::string_view::npos)
    return absl::InvalidArgumentError("the state's serial is no number");
  return absl::StrCat(core::ToAbsl(state.substr(0, begin)), serial, core::ToAbsl(state.substr(end)));
}

absl::StatusOr<v1::ListStateVersionsResponse> States::List(const Caller& caller,
                                                           const v1::ListStateVersionsRequest& request) {
  domain::Violations violations;
  const auto id = domain::ParseStackName(request.parent());
  if (!id) violations.Add("parent", "must be `stacks/{stack}`");
  const store::Page page{domain::CheckPageSize(request.page_size(), &violations), request.page_token()};
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto stack = Named(parts_.store->GetStack(caller.tenant, *id), request.parent());
  if (!stack.ok()) return stack.status();
  auto listed = parts_.store->ListStateVersions(stack->uid, page);
  if (!listed.ok()) return listed.status();
  v1::ListStateVersionsResponse response;
  for (const store::StateVersionRow& row : listed->rows) {
    *response.add_state_versions() = PresentStateVersion(*id, row);
  }
  response.set_next_page_token(listed->next_page_token);
  return response;
}

absl::StatusOr<States::Found> States::Find(const Caller& caller, const std::string& name) {
  const auto parsed = domain::ParseStateVersionName(name);
  if (!parsed) return core::InvalidField("name", "must be `stacks/{stack}/stateVersions/{serial}`, or `.../latest`");
  auto stack = Named(parts_.store->GetStack(caller.tenant, parsed->stack), name);
  if (!stack.ok()) return stack.status();
  const int64_t serial = parsed->serial == 0 ? stack->state_serial : parsed->serial;
  if (serial == 0) return NoSuch(name);
  auto version = Named(parts_.store->GetStateVersion(stack->uid, serial), name);
  if (!version.ok()) return version.status();
  return Found{*std::move(stack), *std::move(version)};
}

absl::StatusOr<v1::StateVersion> States::Get(const Caller& caller, const v1::GetStateVersionRequest& request) {
  const auto found = Find(caller, request.name());
  if (!found.ok()) return found.status();
  return PresentStateVersion(found->stack.id, found->version);
}

absl::StatusOr<google::api::HttpBody> States::Download(const Caller& caller, const v1::DownloadStateRequest& request) {
  const auto found = Find(caller, request.name());
  if (!found.ok()) return found.status();
  auto state = parts_.sealer->Open(StateContext(found->stack.uid, found->version.serial), found->version.sealed);
  if (!state.ok()) return state.status();
  const std::string name = domain::StateVersionNameOf(found->stack.id, found->version.serial);
  if (absl::Status kept = AuditRead(parts_, caller, "DownloadState", name); !kept.ok()) return kept;
  google::api::HttpBody body;
  body.set_content_type("application/json");
  body.set_data(*std::move(state));
  return body;
}

absl::StatusOr<v1::StateVersion> States::RollBack(const Caller& caller, const v1::RollBackStateRequest& request) {
  domain::Violations violations;
  const auto id = domain::ParseStackName(request.name());
  const auto wanted = domain::ParseStateVersionName(request.state_version());
  if (!id) violations.Add("name", "must be `stacks/{stack}`");
  if (!wanted || wanted->serial == 0 || (id && wanted->stack != *id)) {
    violations.Add("state_version", "must be `stacks/{stack}/stateVersions/{serial}` of the same stack");
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const Mutation mutation{caller, "RollBackState", request.name(), request.request_id(), request};
  // Old versions never change: this one can be read and opened before the transaction.
  const auto found = Find(caller, request.state_version());
  if (!found.ok()) return found.status();
  const auto text = parts_.sealer->Open(StateContext(found->stack.uid, wanted->serial), found->version.sealed);
  if (!text.ok()) return text.status();

  const auto made = Mutate<v1::StateVersion>(
      parts_, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<v1::StateVersion> {
        auto stack = Named(transaction.GetStack(caller.tenant, *id), request.name());
        if (!stack.ok()) return stack.status();
        if (stack->uid != found->stack.uid) return NoSuch(request.state_version());
        if (absl::Status status = CheckMayActAlone(parts_, caller, *stack, "a roll-back"); !status.ok()) return status;
        if (absl::Status status = CheckEtag(*stack, request.etag()); !status.ok()) return status;
        if (!stack->lease_run.empty()) {
          return absl::AbortedError(
              absl::StrCat(domain::RunNameOf(*id, stack->lease_run), " is under way: wait for it, or cancel it"));
        }
        const absl::Time now = parts_.clock->Now();
        store::StateVersionRow version;
        version.serial = stack->state_serial + 1;
        const auto state = WithSerial(*text, version.serial);
        if (!state.ok()) return absl::DataLossError("the stored state cannot be read");
        version.record = found->version.record;
        version.record.set_serial(version.serial);
        version.record.set_sha256(Sha256Hex(*state));
        version.record.set_size_bytes(static_cast<int64_t>(state->size()));
        version.record.clear_run();
        *version.record.mutable_create_time() = domain::ToProto(now);
        auto sealed = parts_.sealer->Seal(StateContext(stack->uid, version.serial), *state);
        if (!sealed.ok()) return sealed.status();
        version.sealed = *std::move(sealed);
        if (absl::Status status = transaction.InsertStateVersion(stack->uid, version); !status.ok()) return status;
        stack->state_serial = version.serial;
        stack->record.set_resource_count(version.record.resource_count());
        *stack->record.mutable_last_editor() = caller.principal;
        *stack->record.mutable_update_time() = domain::ToProto(now);
        if (absl::Status status = transaction.PutStack(&*stack); !status.ok()) return status;
        return PresentStateVersion(*id, version);
      });
  if (made.ok()) parts_.state_made(found->stack.uid);
  return made;
}

}  // namespace stratus::provisioning::service
