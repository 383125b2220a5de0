#include "services/provisioning/engine/no_state.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "lib/core/address.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/unique_fd.h"

namespace stratus::provisioning::engine {
namespace {

// Inside the sandbox.
constexpr char kDoors[] = "/run/stratus";
constexpr char kRelay[] = "/run/stratus-relay";
constexpr char kSocket[] = "state";
constexpr char kAddress[] = "127.0.0.1:14001";
// What else connects than the engine is the module's own doing.
constexpr size_t kConnectionsMax = 4;

absl::StatusOr<std::unique_ptr<http_server::Server>> Serve(const core::Address& listen) {
  http_server::Options options;
  options.threads = 1;
  options.connections_max = kConnectionsMax;
  return http_server::Server::Start(
      listen, [](const http_server::Request&) { return http_server::Response{.status = 404}; }, options);
}

// By the descriptor: a Unix socket's address holds 108 bytes, and the folder's path may be longer.
absl::StatusOr<std::unique_ptr<http_server::Server>> ServeIn(const std::string& folder) {
  if (absl::Status status = RemoveFolder(folder); !status.ok()) return status;
  if (absl::Status status = MakeFolder(folder); !status.ok()) return status;
  const UniqueFd dir(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return ErrnoStatus(folder);
  core::Address listen;
  listen.unix_path = absl::StrCat("/proc/self/fd/", dir.get(), "/", kSocket);
  auto server = Serve(listen);
  if (!server.ok()) return server.status();
  // The sandbox's uid passes and connects; outside, the folders above let nobody by.
  if (chmod(folder.c_str(), 0711) != 0 || fchmodat(dir.get(), kSocket, 0666, 0) != 0) return ErrnoStatus(folder);
  return server;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NoState>> NoState::OnLoopback() {
  auto server = Serve({.host = "127.0.0.1", .port = 0, .unix_path = ""});
  if (!server.ok()) return server.status();
  auto state = absl::WrapUnique(new NoState());
  state->server_ = *std::move(server);
  state->address_ = absl::StrCat("http://", state->server_->address(), "/");
  return state;
}

absl::StatusOr<std::unique_ptr<NoState>> NoState::ByDoor(const std::string& doors, const std::string& relay) {
  auto state = absl::WrapUnique(new NoState());
  state->doors_ = doors;
  state->relay_ = relay;
  state->address_ = absl::StrCat("http://", kAddress, "/");
  auto server = ServeIn(doors);
  if (!server.ok()) return server.status();
  state->server_ = *std::move(server);
  return state;
}

NoState::~NoState() {
  server_.reset();
  if (!doors_.empty()) RemoveFolder(doors_).IgnoreError();  // or the next one does, or the sweep
}

void NoState::AddTo(SandboxSpec* spec) const {
  if (doors_.empty()) return;
  spec->binds.push_back({doors_, kDoors});
  spec->binds.push_back({relay_, kRelay});
  spec->command_prefix = {kRelay, absl::StrCat("--map=", kAddress, "=", kDoors, "/", kSocket), "--"};
}

}  // namespace stratus::provisioning::engine
