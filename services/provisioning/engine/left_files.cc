#include "services/provisioning/engine/left_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "lib/core/random.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNamesAtOnce = 4096;

// Within the folder, by no link, on its own mount. Where openat2 is not to be had (old sandboxes of containers refuse
// it), the device stands in for the mount: `name` is one part, so that a link can only be its last.
UniqueFd OpenInside(int folder, const std::string& name, uint64_t flags) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, folder, name.c_str(), &how, sizeof(how))));
  if (fd || (errno != ENOSYS && errno != EPERM)) return fd;
  struct stat outer, inner;
  if (fstat(folder, &outer) != 0) return {};
  fd = UniqueFd(openat(folder, name.c_str(), static_cast<int>(how.flags)));
  if (!fd || (fstat(fd.get(), &inner) == 0 && inner.st_dev == outer.st_dev)) return fd;
  errno = EXDEV;
  return {};
}

// A subfolder to look into and to take things out of, also one whose owner has shut himself out.
UniqueFd OpenSubfolder(int folder, const std::string& name) {
  const UniqueFd place = OpenInside(folder, name, O_PATH | O_DIRECTORY);
  if (!place) return {};
  struct stat info;
  const std::string self = absl::StrCat("/proc/self/fd/", place.get());
  if (fstat(place.get(), &info) == 0 && (info.st_mode & 0700) != 0700) chmod(self.c_str(), 0700);
  return OpenInside(folder, name, O_RDONLY | O_DIRECTORY);
}

absl::StatusOr<std::vector<std::string>> NamesIn(int folder) {
  UniqueFd again(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again) return ErrnoStatus("a folder of a run");
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(again.get()), closedir);
  if (entries == nullptr) return ErrnoStatus("a folder of a run");
  again.Release();
  std::vector<std::string> names;
  while (const dirent* entry = readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    if (names.size() == kNamesAtOnce) break;
  }
  return names;
}

// True when it is gone; false when it is a folder that has something in it.
absl::StatusOr<bool> RemoveSimple(int folder, const std::string& name) {
  if (unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR) return ErrnoStatus(name);
  if (unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  if (errno == ENOTEMPTY || errno == EEXIST || errno == EACCES) return false;
  return ErrnoStatus(name);
}

// Takes TOP/NAME apart: its files go, and its folders come up to `top`, under names that nobody can have guessed.
absl::Status Flatten(int top, const std::string& name) {
  const UniqueFd inner = OpenSubfolder(top, name);
  if (!inner) return ErrnoStatus(name);
  for (;;) {
    const auto names = NamesIn(inner.get());
    if (!names.ok()) return names.status();
    if (names->empty()) break;
    for (const std::string& each : *names) {
      const auto gone = RemoveSimple(inner.get(), each);
      if (!gone.ok()) return gone.status();
      if (*gone) continue;
      if (!OpenSubfolder(inner.get(), each)) return ErrnoStatus(each);  // a folder that is moved has to be writable
      if (renameat(inner.get(), each.c_str(), top, core::RandomHex(16).c_str()) != 0) return ErrnoStatus(each);
    }
  }
  return unlinkat(top, name.c_str(), AT_REMOVEDIR) == 0 ? absl::OkStatus() : ErrnoStatus(name);
}

absl::Status Empty(int top) {
  for (;;) {
    const auto names = NamesIn(top);
    if (!names.ok()) return names.status();
    if (names->empty()) return absl::OkStatus();
    for (const std::string& name : *names) {
      const auto gone = RemoveSimple(top, name);
      if (!gone.ok()) return gone.status();
      if (*gone) continue;
      if (absl::Status status = Flatten(top, name); !status.ok()) return status;
    }
  }
}

absl::Status WriteAll(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t put = write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ErrnoStatus(name);
    text.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadAll(const UniqueFd& fd, const std::string& name, size_t bytes_max) {
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(name);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(name, " is no regular file"));
  if (static_cast<uint64_t>(info.st_size) > bytes_max) {
    return absl::ResourceExhaustedError(absl::StrCat(name, " has more than ", bytes_max, " bytes"));
  }
  // As large as it was: one that grows meanwhile is cut.
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = read(fd.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(name);
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  text.resize(used);
  return text;
}

// `path` and all that is in it; links are not followed. False is an error in errno.
absl::Status ForEachBelow(const std::string& path, absl::FunctionRef<bool(const std::string&)> visit) {
  if (!visit(path)) return ErrnoStatus(path);
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    if (!visit(at->path().string())) return ErrnoStatus(at->path().string());
  }
  if (!error) return absl::OkStatus();
  errno = error.value();
  return ErrnoStatus(path);
}

}  // namespace

absl::StatusOr<UniqueFd> OpenFolder(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  if (errno == ENOTDIR || errno == ELOOP) return absl::FailedPreconditionError(absl::StrCat(path, " is no folder"));
  return ErrnoStatus(path);
}

absl::StatusOr<std::string> ReadLeft(const UniqueFd& folder, const std::string& name, size_t bytes_max) {
  // Looked at before it is opened: opening a device may do something.
  struct stat info;
  if (fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return ErrnoStatus(name);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(name, " is no regular file"));
  const UniqueFd fd = OpenInside(folder.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd && (errno == ELOOP || errno == EXDEV)) {
    return absl::FailedPreconditionError(absl::StrCat(name, " is no regular file of its folder"));
  }
  if (!fd) return ErrnoStatus(name);
  return ReadAll(fd, name, bytes_max);
}

absl::Status PutFile(const UniqueFd& folder, const std::string& name, std::string_view text, uid_t uid) {
  const std::string temporary = absl::StrCat(".stratus-", core::RandomHex(16));
  const UniqueFd fd(
      openat(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return ErrnoStatus(name);
  absl::Status status = WriteAll(fd.get(), text, name);
  if (status.ok() && uid != 0 && fchown(fd.get(), uid, uid) != 0) status = ErrnoStatus(name);
  if (status.ok() && renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0) {
    status = RemoveLeft(folder, name);  // a folder is in its place
    if (status.ok() && renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0) {
      status = ErrnoStatus(name);
    }
  }
  if (!status.ok()) unlinkat(folder.get(), temporary.c_str(), 0);
  return status;
}

absl::Status MoveLeft(const UniqueFd& folder, const std::string& from, const std::string& to) {
  struct stat info;
  if (fstatat(folder.get(), from.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(from);
  }
  if (absl::Status status = RemoveLeft(folder, to); !status.ok()) return status;
  if (renameat(folder.get(), from.c_str(), folder.get(), to.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(from);
}

absl::Status RemoveLeft(const UniqueFd& folder, const std::string& name) {
  const auto gone = RemoveSimple(folder.get(), name);
  if (!gone.ok()) return gone.status();
  if (*gone) return absl::OkStatus();
  const UniqueFd inner = OpenSubfolder(folder.get(), name);
  if (!inner) return ErrnoStatus(name);
  if (absl::Status status = Empty(inner.get()); !status.ok()) return status;
  return unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) == 0 ? absl::OkStatus() : ErrnoStatus(name);
}

absl::Status GiveTree(const std::string& path, uid_t uid) {
  return ForEachBelow(path, [uid](const std::string& each) { return lchown(each.c_str(), uid, uid) == 0; });
}

absl::Status ShareTree(const std::string& path) {
  return ForEachBelow(path, [](const std::string& each) {
    struct stat info;
    if (lstat(each.c_str(), &info) != 0) return false;
    if (S_ISLNK(info.st_mode)) return true;
    const mode_t run = (info.st_mode & 0100) != 0 ? 0111 : 0;
    return chmod(each.c_str(), (info.st_mode & 0777) | 0444 | run) == 0;
  });
}

}  // namespace stratus::provisioning::engine
