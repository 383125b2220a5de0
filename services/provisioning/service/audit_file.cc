#include "services/provisioning/service/audit_file.h"

#include <fcntl.h>
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
  return open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

// O_APPEND puts one write in one piece behind all others; only a full disk cuts it.
absl::Status WriteAll(int fd, const std::string& path, const std::string& text) {
  ssize_t put;
  do {
    put = write(fd, text.data(), text.size());
  } while (put < 0 && errno == EINTR);
  if (put < 0) return Unwritable(path);
  if (static_cast<size_t>(put) < text.size()) {
    return absl::UnavailableError(
        absl::StrCat("the audit file ", path, " took a part of a line alone: is the disk full?"));
  }
  return fdatasync(fd) == 0 ? absl::OkStatus() : Unwritable(path);
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
  const absl::Status written = WriteAll(fd, path_, absl::StrCat(core::ToAbsl(line), "\n"));
  close(fd);
  return written;
}

}  // namespace stratus::provisioning::service
