#include "services/sandbox/admin.h"

#include <initializer_list>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/sandbox/json.h"
#include "services/sandbox/members.h"
#include "services/sandbox/token_endpoint.h"

namespace stratus::sandbox {
namespace {

constexpr int64_t kTtlSecondsMax = 30 * 24 * 3600;
constexpr size_t kClientIdBytesMax = 128;

absl::Status CheckClientId(const std::string& id) {
  const bool printable = std::all_of(id.begin(), id.end(), [](char c) { return absl::ascii_isgraph(c); });
  if (!id.empty() && id.size() <= kClientIdBytesMax && printable) return absl::OkStatus();
  return absl::InvalidArgumentError("'client_id' must be 1 to 128 printable ASCII characters without spaces");
}

http_server::Response AnswerToken(Issuer* issuer, const http_server::Request& request) {
  auto members = Members::Parse(request);
  if (!members.ok()) return Refuse(members.status());
  TokenRequest token{.client_id = members->Text("client_id")};
  const std::string scope = members->Text("scope");
  const int64_t ttl = members->Number("ttl_seconds", 3600);
  token.username = members->Text("username");
  token.groups = members->Texts("groups");
  token.roles_claim = members->Text("roles_claim");
  token.roles = members->Texts("roles");
  token.claims = members->Object("claims");
  absl::Status status = members->Done();
  status.Update(CheckClientId(token.client_id));
  if (std::abs(ttl) > kTtlSecondsMax) status.Update(absl::InvalidArgumentError("'ttl_seconds' is over 30 days"));
  if (!token.roles.empty() && token.roles_claim.empty()) {
    status.Update(absl::InvalidArgumentError("'roles' needs 'roles_claim', the name of the claim to put them in"));
  }
  if (!status.ok()) return Refuse(status);
  token.ttl = absl::Seconds(ttl);
  std::optional<Client> client = issuer->FindClient(token.client_id);
  token.scopes = !scope.empty() ? SplitScopes(scope) : client ? client->scopes : EveryScope();
  if (!client) {
    status = issuer->Register({token.client_id, core::RandomHex(24), token.scopes});
    if (!status.ok()) return Refuse(status);
  }
  const absl::StatusOr<std::string> access_token = issuer->Mint(token);
  if (!access_token.ok()) return Refuse(access_token.status());
  return JsonReply(200, {{"access_token", *access_token}});
}

http_server::Response AnswerClient(Issuer* issuer, const http_server::Request& request) {
  auto members = Members::Parse(request);
  if (!members.ok()) return Refuse(members.status());
  Client client{members->Text("client_id"), members->Text("client_secret"), members->Texts("scopes")};
  absl::Status status = members->Done();
  status.Update(CheckClientId(client.id));
  if (client.secret.empty()) client.secret = core::RandomHex(24);
  if (client.scopes.empty()) client.scopes = EveryScope();
  if (status.ok()) status = issuer->Register(client);
  if (!status.ok()) return Refuse(status);
  return JsonReply(201, {{"client_id", client.id}, {"client_secret", client.secret}, {"scopes", client.scopes}});
}

http_server::Response AnswerRotate(Issuer* issuer, const http_server::Request& request) {
  const std::string drop_old = request.Parameter("drop_old");
  if (!drop_old.empty() && drop_old != "true" && drop_old != "false") {
    return Refuse(absl::InvalidArgumentError("'drop_old' must be true or false"));
  }
  const absl::StatusOr<std::string> kid = issuer->Rotate(drop_old == "true");
  if (!kid.ok()) return Refuse(kid.status());
  return JsonReply(200, {{"kid", *kid}});
}

absl::StatusOr<Fault::Kind> ParseKind(std::string_view name) {
  constexpr std::pair<std::string_view, Fault::Kind> kKinds[] = {
      {"status", Fault::Kind::kStatus},       {"slow", Fault::Kind::kSlow},   {"html", Fault::Kind::kHtml},
      {"truncated", Fault::Kind::kTruncated}, {"cut", Fault::Kind::kCut},     {"huge", Fault::Kind::kHuge},
      {"garbage", Fault::Kind::kGarbage},     {"empty", Fault::Kind::kEmpty}, {"drop", Fault::Kind::kDrop},
      {"stuck", Fault::Kind::kStuck}};
  for (const auto& [text, kind] : kKinds) {
    if (text == name) return kind;
  }
  return absl::InvalidArgumentError(
      "'kind' must be status, slow, html, truncated, cut, huge, garbage, empty, drop or stuck");
}

http_server::Response AnswerFault(Faults* faults, const http_server::Request& request) {
  auto members = Members::Parse(request);
  if (!members.ok()) return Refuse(members.status());
  const std::string target = members->Text("target");
  const absl::StatusOr<Fault::Kind> kind = ParseKind(members->Text("kind"));
  Fault fault;
  fault.status = static_cast<int>(members->Number("status", 0));
  fault.delay = absl::Milliseconds(members->Number("delay_ms", 0));
  fault.count = members->Number("count", fault.count);
  fault.bytes = members->Number("bytes", fault.bytes);
  fault.retry_after = members->Text("retry_after");
  absl::Status status = members->Done();
  status.Update(kind.status());
  if (status.ok()) {
    fault.kind = *kind;
    status = faults->Set(target, fault);
  }
  return status.ok() ? JsonReply(200, Json::object()) : Refuse(status);
}

}  // namespace

void AddIssuerAdminRoutes(Router* router, Issuer* issuer) {
  using http_server::Request;
  router->Add("POST", "/admin/token", "", [issuer](const Request& request) { return AnswerToken(issuer, request); });
  router->Add("POST", "/admin/clients", "", [issuer](const Request& request) { return AnswerClient(issuer, request); });
  router->Add("POST", "/admin/rotate", "", [issuer](const Request& request) { return AnswerRotate(issuer, request); });
}

void AddAdminRoutes(Router* router, Faults* faults) {
  using http_server::Request;
  router->Add("POST", "/admin/faults", "", [faults](const Request& request) { return AnswerFault(faults, request); });
  router->Add("DELETE", "/admin/faults", "", [faults](const Request&) {
    faults->Clear();
    return JsonReply(200, Json::object());
  });
  router->Add("GET", "/admin/calls", "", [faults](const Request&) { return JsonReply(200, Json(faults->Calls())); });
}

}  // namespace stratus::sandbox
