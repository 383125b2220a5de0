#include "services/provisioning/service/audit_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {
namespace {

absl::Status Unwritable(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot write the audit file ", path, ": ", strerror(errno)));
}

int OpenToAppend(const std::string& path) {
  return open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

// A crash may have left a part of a line.
bool EndsWithin(int fd, off_t size) {
  char last = '\n';
  return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

// O_APPEND puts one write in one piece behind all others; only a full disk cuts it, and then nothing of it stays: the
// next line would go on in it.
absl::Status WriteLine(int fd, const std::string& path, std::string_view line) {
  struct stat before = {};
  if (fstat(fd, &before) != 0) return Unwritable(path);
  const std::string text = absl::StrCat(EndsWithin(fd, before.st_size) ? "\n" : "", core::ToAbsl(line), "\n");
  ssize_t put;
  do {
    put = write(fd, text.data(), text.size());
  } while (put < 0 && errno == EINTR);
  if (put < 0) return Unwritable(path);
  if (static_cast<size_t>(put) == text.size()) return absl::OkStatus();
  struct stat after = {};
  const bool at_end = fstat(fd, &after) == 0 && after.st_size == before.st_size + put;
  const bool undone = at_end && ftruncate(fd, before.st_size) == 0;
  return absl::UnavailableError(absl::StrCat("the audit file ", path, " took a part of a line alone",
                                             undone ? "" : ", which is left in it", ": is the disk full?"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditFile>> AuditFile::Open(std::string path) {
  const int fd = OpenToAppend(path);
  if (fd < 0) return Unwritable(path);
  close(fd);
  return std::unique_ptr<AuditFile>(new AuditFile(std::move(path)));
}

absl::Status AuditFile::Append(std::string_view line) {
  const int fd = OpenToAppend(path_);
  if (fd < 0) return Unwritable(path_);
  absl::Status written;
  {
    core::MutexLock lock(mutex_);
    written = WriteLine(fd, path_, line);
  }
  if (written.ok() && fdatasync(fd) != 0) written = Unwritable(path_);
  close(fd);
  return written;
}

}  // namespace stratus::provisioning::service
