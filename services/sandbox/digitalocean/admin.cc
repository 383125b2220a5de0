#include "services/sandbox/digitalocean/admin.h"

#include "services/sandbox/json.h"
#include "services/sandbox/members.h"

namespace stratus::sandbox::digitalocean {
namespace {

http_server::Response AnswerReport(const Api& api) {
  http_server::Response response = JsonReply(200, nullptr);
  response.body = api.Report();
  return response;
}

http_server::Response AnswerBehaviour(Api* api, const http_server::Request& request) {
  auto members = Members::Parse(request);
  if (!members.ok()) return sandbox::Refuse(members.status());
  Behaviour behaviour = api->behaviour();
  const auto read = [&](const char* name, absl::Duration* time) {
    *time = absl::Milliseconds(members->Number(name, absl::ToInt64Milliseconds(*time)));
  };
  read("create_ms_min", &behaviour.create_min);
  read("create_ms_max", &behaviour.create_max);
  read("boot_ms_min", &behaviour.boot_min);
  read("boot_ms_max", &behaviour.boot_max);
  behaviour.calls_per_hour = members->Number("calls_per_hour", behaviour.calls_per_hour);
  const bool release_stuck = members->Flag("release_stuck");
  absl::Status status = members->Done();
  if (status.ok()) status = api->Set(behaviour);
  if (!status.ok()) return sandbox::Refuse(status);
  if (release_stuck) api->ReleaseStuck();
  return JsonReply(200, {{"create_ms_min", absl::ToInt64Milliseconds(behaviour.create_min)},
                         {"create_ms_max", absl::ToInt64Milliseconds(behaviour.create_max)},
                         {"boot_ms_min", absl::ToInt64Milliseconds(behaviour.boot_min)},
                         {"boot_ms_max", absl::ToInt64Milliseconds(behaviour.boot_max)},
                         {"calls_per_hour", behaviour.calls_per_hour}});
}

}  // namespace

void AddAdminRoutes(Router* router, Api* api) {
  using http_server::Request;
  router->Add("GET", "/admin/digitalocean", "", [api](const Request&) { return AnswerReport(*api); });
  router->Add("POST", "/admin/digitalocean", "",
              [api](const Request& request) { return AnswerBehaviour(api, request); });
}

}  // namespace stratus::sandbox::digitalocean
