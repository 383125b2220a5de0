#include "services/provisioning/service/runtime/state_door.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "lib/core/address.h"
#include "lib/core/random.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::service {
namespace {

// The engine asks for one thing after another; what else connects is the run's own doing.
constexpr size_t kConnectionsMax = 4;

}  // namespace

absl::StatusOr<std::unique_ptr<StateDoor>> StateDoor::Open(const std::string& folder, size_t body_bytes_max,
                                                           http_server::Handler handler) {
  engine::UniqueFd fd(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return engine::ErrnoStatus(folder);
  auto door = absl::WrapUnique(new StateDoor(std::move(fd)));
  const int dir = door->folder_.get();
  const std::string name = absl::StrCat(kName, "-", core::RandomHex(8));
  // By the descriptor: a Unix socket's address holds 108 bytes, and the folder's path may be longer.
  core::Address address;
  address.unix_path = absl::StrCat("/proc/self/fd/", dir, "/", name);
  http_server::Options options;
  options.threads = 1;
  options.connections_max = kConnectionsMax;
  options.body_bytes_max = body_bytes_max;
  auto server = http_server::Server::Start(address, std::move(handler), options);
  if (!server.ok()) return server.status();
  door->server_ = *std::move(server);
  struct stat info = {};
  if (fchmodat(dir, name.c_str(), 0666, 0) != 0 || fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
      renameat(dir, name.c_str(), dir, kName) != 0) {
    return engine::ErrnoStatus(absl::StrCat(folder, "/", kName));
  }
  door->inode_ = info.st_ino;
  return door;
}

StateDoor::~StateDoor() {
  struct stat info = {};
  const bool ours = fstatat(folder_.get(), kName, &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_ino == inode_;
  if (ours) unlinkat(folder_.get(), kName, 0);
}

}  // namespace stratus::provisioning::service
