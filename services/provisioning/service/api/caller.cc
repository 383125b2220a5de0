#include "services/provisioning/service/api/caller.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "lib/rpc/call.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/principals.h"

namespace stratus::provisioning::service {
namespace {

constexpr std::string_view kTenantWithoutAuthentication = "default";
constexpr size_t kClientAddressBytesMax = 256;

// The IETF draft has the key as a quoted string, most clients send it bare.
std::string_view Unquoted(std::string_view key) {
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') return key.substr(1, key.size() - 2);
  return key;
}

// A client's token has no user's name, and the client, or nothing, as its subject. A user's token without a subject
// says of its holder no more than which client it came by.
v1::Principal PrincipalOf(const auth::Principal& token) {
  const bool is_user = !token.subject.empty() && token.subject != token.client_id;
  return is_user ? domain::UserPrincipal(token.subject, token.username, token.issuer)
                 : domain::ClientPrincipal(token.client_id, token.issuer);
}

// A tenant that is a client is called as the client, with its issuer behind it where there are several.
bool TenantIsShared(const auth::Principal& token) {
  return token.tenant != token.client_id && token.tenant != absl::StrCat(token.client_id, "@", token.issuer);
}

// The last part of what the gateway hands on, which is the part that it saw itself; on one line.
std::string ClientAddressOf(const rpc::Call& call) {
  std::string_view forwarded = call.Metadata("x-forwarded-for");
  if (forwarded.empty()) return call.peer();
  if (forwarded.size() > kClientAddressBytesMax)
    forwarded = forwarded.substr(forwarded.size() - kClientAddressBytesMax);
  std::string address(forwarded);
  std::replace_if(
      address.begin(), address.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return address;
}

}  // namespace

bool Caller::HasScope(std::string_view scope) const {
  return !authenticated || std::binary_search(scopes.begin(), scopes.end(), scope);
}

Caller CallerOf(const rpc::Call& call) {
  Caller caller;
  caller.tenant = call.tenant().empty() ? kTenantWithoutAuthentication : call.tenant();
  caller.principal = domain::AnonymousPrincipal();
  if (const auto& principal = call.principal(); principal != nullptr) {
    caller.authenticated = true;
    caller.principal = PrincipalOf(*principal);
    caller.tenant_is_shared = TenantIsShared(*principal);
    caller.scopes = principal->scopes;
  }
  caller.trace_id = call.trace().trace_id();
  if (call.trace().sampling() == telemetry::Sampling::kSampled) caller.traceparent = call.trace().Traceparent();
  caller.call_id = call.request_id();
  caller.client_address = ClientAddressOf(call);
  caller.idempotency_key = Unquoted(call.Metadata("idempotency-key"));
  caller.prefer = call.Metadata("prefer");
  caller.deadline = call.deadline();
  return caller;
}

absl::Status NeedScope(const Caller& caller, std::string_view scope, std::string_view what) {
  if (caller.HasScope(scope)) return absl::OkStatus();
  google::rpc::ErrorInfo info;
  info.set_reason("SCOPE_MISSING");
  info.set_domain("auth.stratus");
  (*info.mutable_metadata())["any_scope"] = std::string(scope);
  return core::WithDetail(
      absl::PermissionDeniedError(absl::StrCat(core::ToAbsl(what), " needs the scope ", core::ToAbsl(scope))), info);
}

absl::StatusOr<std::string> RequestIdOf(const Caller& caller, std::string_view request_id) {
  constexpr std::string_view kRule = "must be at most 128 characters of [A-Za-z0-9._-]";
  if (!domain::IsRequestId(request_id)) return core::InvalidField("request_id", kRule);
  if (!domain::IsRequestId(caller.idempotency_key)) return core::InvalidField("Idempotency-Key", kRule);
  if (!request_id.empty() && !caller.idempotency_key.empty() && request_id != caller.idempotency_key) {
    return core::InvalidField("request_id", "differs from the Idempotency-Key header: give one of them");
  }
  return std::string(request_id.empty() ? std::string_view(caller.idempotency_key) : request_id);
}

std::optional<absl::Duration> WaitPreference(std::string_view prefer) {
  for (absl::string_view part : absl::StrSplit(core::ToAbsl(prefer), ',')) {
    part = absl::StripAsciiWhitespace(part.substr(0, part.find(';')));
    const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(pair.first), "wait")) continue;
    std::string_view value = Unquoted(core::ToStd(absl::StripAsciiWhitespace(pair.second)));
    uint32_t seconds = 0;
    const bool digits = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
      return absl::ascii_isdigit(static_cast<unsigned char>(c));
    });
    if (digits && absl::SimpleAtoi(core::ToAbsl(value), &seconds)) return absl::Seconds(seconds);
  }
  return std::nullopt;
}

}  // namespace stratus::provisioning::service
