#include "services/provisioning/service/runtime/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "lib/core/random.h"

namespace stratus::provisioning::service {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;

absl::Status Failed(std::string_view what, const std::string& path, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", std::string(what), " ", path, ": ", std::generic_category().message(error)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAll(int fd, std::string_view contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", path, errno);
    contents.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(fd) == 0 ? absl::OkStatus() : Failed("write", path, errno);
}

// A temporary file beside `path` with the contents; its name.
absl::StatusOr<std::string> WriteBeside(const std::string& path, std::string_view contents) {
  const std::string temporary = absl::StrCat(path, ".", core::RandomHex(8));
  Descriptor fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() < 0) return Failed("make", temporary, errno);
  if (absl::Status status = WriteAll(fd.get(), contents, temporary); !status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return temporary;
}

}  // namespace

absl::Status EnsurePrivateFolder(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  std::filesystem::create_directories(path, error);
  if (error) return Failed("make the folder", path, error.value());
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  return error ? Failed("protect the folder", path, error.value()) : absl::OkStatus();
}

absl::StatusOr<std::string> ReadPrivateFile(const std::string& path) {
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return errno == ENOENT ? absl::NotFoundError(path) : Failed("read", path, errno);
  std::string contents;
  char block[4096];
  for (;;) {
    const ssize_t count = read(fd.get(), block, sizeof(block));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("read", path, errno);
    if (count == 0) return contents;
    contents.append(block, static_cast<size_t>(count));
    if (contents.size() > kFileBytesMax) return Failed("read", path, EFBIG);
  }
}

absl::StatusOr<std::string> ReadOrCreatePrivateFile(const std::string& path, const std::function<std::string()>& make) {
  absl::StatusOr<std::string> present = ReadPrivateFile(path);
  if (!absl::IsNotFound(present.status())) return present;
  absl::StatusOr<std::string> temporary = WriteBeside(path, make());
  if (!temporary.ok()) return temporary.status();
  // A link, unlike a rename, never replaces what another process has put there first.
  const int linked = link(temporary->c_str(), path.c_str());
  const int error = errno;
  unlink(temporary->c_str());
  if (linked != 0 && error != EEXIST) return Failed("make", path, error);
  return ReadPrivateFile(path);
}

absl::Status WritePrivateFile(const std::string& path, std::string_view contents) {
  absl::StatusOr<std::string> temporary = WriteBeside(path, contents);
  if (!temporary.ok()) return temporary.status();
  if (rename(temporary->c_str(), path.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  unlink(temporary->c_str());
  return Failed("write", path, error);
}

}  // namespace stratus::provisioning::service
