#include "services/provisioning/engine/testing/state_server.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace stratus::provisioning::engine {
namespace {

std::string PathOf(const std::string& run_uid) { return "/state/" + run_uid; }

template <typename Map>
std::string Get(const Map& map, const std::string& key) {
  const auto at = map.find(key);
  return at == map.end() ? std::string() : at->second;
}

std::string IdOf(const std::string& lock_info) {
  const nlohmann::json info = nlohmann::json::parse(lock_info, nullptr, false);
  return info.is_object() ? info.value("ID", "") : "";
}

}  // namespace

StateServer::StateServer() {
  auto server = http_server::Server::Start({.host = "127.0.0.1", .port = 0, .unix_path = ""},
                                           [this](const http_server::Request& request) { return Handle(request); });
  if (!server.ok()) std::abort();
  server_ = *std::move(server);
}

StateBackend StateServer::BackendOf(const std::string& run_uid) const {
  return {
      .address = absl::StrCat("http://", server_->address(), PathOf(run_uid)), .user = run_uid, .password = kPassword};
}

std::string StateServer::state(const std::string& run_uid) const {
  core::MutexLock lock(mu_);
  return Get(states_, PathOf(run_uid));
}

bool StateServer::locked(const std::string& run_uid) const {
  core::MutexLock lock(mu_);
  return locks_.contains(PathOf(run_uid));
}

void StateServer::RefuseWrites() {
  core::MutexLock lock(mu_);
  refuse_writes_ = true;
}

void StateServer::HangWrites() {
  core::MutexLock lock(mu_);
  hang_writes_ = true;
}

http_server::Response StateServer::Handle(const http_server::Request& request) {
  const std::string user = request.path.substr(request.path.rfind('/') + 1);
  if (request.Header("authorization") != absl::StrCat("Basic ", absl::Base64Escape(user + ":" + kPassword))) {
    return {.status = 401};
  }
  core::MutexLock lock(mu_);
  if (request.method == "GET") {
    const std::string state = Get(states_, request.path);
    return state.empty() ? http_server::Response{.status = 404} : http_server::Response{.status = 200, .body = state};
  }
  if (request.method != "POST") return HandleLock(request);
  if (hang_writes_) return {.status = 200, .delay = absl::Hours(1)};
  if (refuse_writes_ || IdOf(Get(locks_, request.path)) != request.Parameter("ID")) return {.status = 409};
  states_[request.path] = request.body;
  return {.status = 200};
}

http_server::Response StateServer::HandleLock(const http_server::Request& request) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  const std::string held = Get(locks_, request.path);
  if (request.method == "LOCK") {
    if (!held.empty()) return {.status = 423, .body = held};
    locks_[request.path] = request.body;
    return {.status = 200};
  }
  if (request.method != "UNLOCK") return {.status = 405};
  if (IdOf(held) != IdOf(request.body)) return {.status = 409};
  locks_.erase(request.path);
  return {.status = 200};
}

}  // namespace stratus::provisioning::engine
