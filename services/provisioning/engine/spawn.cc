#include "services/provisioning/engine/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

class Actions {
 public:
  explicit Actions(const SpawnCall& call) {
    posix_spawn_file_actions_init(&actions_);
    for (const auto& [from, to] : call.descriptors) sources_.emplace_back(fcntl(from, F_DUPFD_CLOEXEC, kSourceFdMin));
    for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
      posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0);
    }
    for (size_t i = 0; i < sources_.size(); ++i) {
      posix_spawn_file_actions_adddup2(&actions_, sources_[i].get(), call.descriptors[i].second);
    }
    posix_spawn_file_actions_addchdir_np(&actions_, call.folder.c_str());
  }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  // Above every number that is given, so that none is overwritten before it is taken.
  static constexpr int kSourceFdMin = 16;

  posix_spawn_file_actions_t actions_;
  std::vector<UniqueFd> sources_;
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const SpawnCall& call) {
  const Attributes attributes;
  const Actions actions(call);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, call.arguments[0].c_str(), actions.get(), attributes.get(),
                                Pointers(call.arguments).data(), Pointers(call.environment).data());
  if (error == 0) return pid;
  errno = error;
  return ErrnoStatus(absl::StrCat("starting ", call.arguments[0]));
}

}  // namespace stratus::provisioning::engine
