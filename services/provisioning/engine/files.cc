#include "services/provisioning/engine/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/core/clock.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/left_files.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kLockRetry = absl::Milliseconds(5);

absl::Status FromErrorCode(const std::error_code& error, const std::string& what) {
  errno = error.value();
  return ErrnoStatus(what);
}

bool IsFileAt(const UniqueFd& fd, const std::string& path) {
  struct stat opened, named;
  return fstat(fd.get(), &opened) == 0 && stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

}  // namespace

absl::Status ErrnoStatus(std::string_view what) {
  const absl::Status status = absl::ErrnoToStatus(errno, core::ToAbsl(what));
  return absl::IsResourceExhausted(status) ? absl::UnavailableError(status.message()) : status;
}

absl::Status CheckFreeSpace(const std::string& folder, int64_t bytes_min) {
  struct statvfs disk;
  if (statvfs(folder.c_str(), &disk) != 0) return ErrnoStatus(folder);
  const int64_t free = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  if (free >= bytes_min) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the disk of the work folders is full: ", free >> 20,
                                             " MiB are left, and ", bytes_min >> 20, " are needed to start anything"));
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(path);
  std::string text;
  // Files of /proc say that they have no size.
  text.resize(std::min(std::max<size_t>(static_cast<size_t>(info.st_size) + 1, 4096), bytes_max + 1));
  size_t used = 0;
  for (;;) {
    const ssize_t got = read(fd.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(path);
    if (got == 0) break;
    used += static_cast<size_t>(got);
    if (used > bytes_max) {
      return absl::ResourceExhaustedError(absl::StrCat(path, " has more than ", bytes_max, " bytes"));
    }
    if (used == text.size()) text.resize(std::min(text.size() * 2, bytes_max + 1));
  }
  text.resize(used);
  return text;
}

absl::Status WriteFile(const std::string& path, std::string_view text) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return ErrnoStatus(path);
  while (!text.empty()) {
    const ssize_t put = write(fd.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ErrnoStatus(path);
    text.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status WriteSharedFile(const std::string& path, std::string_view text) {
  if (absl::Status status = WriteFile(path, text); !status.ok()) return status;
  return chmod(path.c_str(), 0644) == 0 ? absl::OkStatus() : ErrnoStatus(path);
}

absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  if (errno != ENOENT) return ErrnoStatus(path);
  const std::string parent = fs::path(path).parent_path();
  if (absl::Status status = MakeFolder(parent); !status.ok()) return status;
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(path);
}

absl::Status CopyModule(const std::string& from, const std::string& to) {
  if (absl::Status status = MakeFolder(to); !status.ok()) return status;
  std::error_code error;
  for (fs::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (name[0] == '.' && name != ".terraform.lock.hcl") continue;
    const std::string target = absl::StrCat(to, "/", name);
    const fs::file_status status = at->symlink_status(error);
    if (fs::is_directory(status)) {
      if (absl::Status copied = CopyModule(at->path(), target); !copied.ok()) return copied;
    } else if (fs::is_regular_file(status)) {
      fs::copy_file(at->path(), target, fs::copy_options::overwrite_existing, error);
    } else {
      return absl::InvalidArgumentError(absl::StrCat(at->path().string(), " is neither a file nor a folder"));
    }
    if (error) break;
  }
  return error ? FromErrorCode(error, from) : absl::OkStatus();
}

absl::Status RemoveFolder(const std::string& path) {
  const fs::path full = path;
  const auto parent = OpenFolder(full.parent_path().string());
  if (absl::IsNotFound(parent.status())) return absl::OkStatus();
  return parent.ok() ? RemoveLeft(*parent, full.filename().string()) : parent.status();
}

absl::StatusOr<UniqueFd> LockFile(const std::string& path, absl::Duration timeout) {
  const absl::Duration deadline = core::Clock::Real().Monotonic() + timeout;
  for (;;) {
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return ErrnoStatus(path);
    // flock has no time limit of its own, and a signal to end it would need a thread.
    while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return ErrnoStatus(path);
      if (core::Clock::Real().Monotonic() >= deadline) {
        return absl::DeadlineExceededError(
            absl::StrCat(path, " is held by another process for longer than ", absl::FormatDuration(timeout)));
      }
      absl::SleepFor(kLockRetry);
    }
    // Whoever held it may have removed the file: the lock that others see is that of the new one.
    if (IsFileAt(fd, path)) return fd;
  }
}

}  // namespace stratus::provisioning::engine
