// Key-encryption keys from a file.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/provisioning/store/aes_gcm.h"
#include "services/provisioning/store/seal.h"

namespace stratus::provisioning::store {
namespace {

constexpr size_t kFileBytesMax = 64 << 10;
constexpr size_t kIdBytesMax = 64;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

class FileKeys final : public KeyWrapper {
 public:
  FileKeys(std::string first, std::map<std::string, AesKey, std::less<>> keys)
      : first_(std::move(first)), keys_(std::move(keys)) {}

  std::string id() const override { return first_; }

  absl::StatusOr<std::string> Wrap(std::string_view data_key) override {
    return Encrypt(keys_.find(first_)->second, first_, data_key);
  }

  absl::StatusOr<std::string> Unwrap(std::string_view id, std::string_view wrapped) override {
    const auto key = keys_.find(id);
    if (key != keys_.end()) return Decrypt(key->second, id, wrapped);
    return absl::DataLossError(
        absl::StrCat("the key `", absl::CHexEscape(core::ToAbsl(id)), "` is not in the key file: put it back"));
  }

 private:
  const std::string first_;
  const std::map<std::string, AesKey, std::less<>> keys_;
};

bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             absl::string_view::npos;
}

absl::StatusOr<std::string> ReadPrivateFile(const std::string& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found = {};
  if (file.fd() < 0 || fstat(file.fd(), &found) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read the key file ", path));
  }
  if ((found.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(absl::StrCat("the key file ", path, " is open to others: chmod 600 it"));
  }
  std::string text(kFileBytesMax + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = read(file.fd(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read the key file ", path));
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  if (size > kFileBytesMax) return absl::InvalidArgumentError(absl::StrCat("the key file ", path, " is too long"));
  text.resize(size);
  return text;
}

absl::Status WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::ErrnoToStatus(errno, "write");
    text.remove_prefix(static_cast<size_t>(count));
  }
  if (fsync(fd) != 0) return absl::ErrnoToStatus(errno, "fsync");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyWrapper>> KeysFromFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadPrivateFile(path);
  if (!text.ok()) return text.status();
  std::string first;
  std::map<std::string, AesKey, std::less<>> keys;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    std::string bytes;
    // The line itself is not repeated: it may hold a key.
    if (!IsId(parts.first) || !absl::Base64Unescape(parts.second, &bytes) || bytes.size() != AesKey::kBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", line_number, ": `ID:BASE64` is expected, an id of letters, digits, . _ - and a key of 32 bytes"));
    }
    if (!keys.emplace(std::string(parts.first), AesKey(bytes)).second) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", line_number, ": the id is there twice"));
    }
    if (first.empty()) first = std::string(parts.first);
  }
  if (keys.empty()) return absl::InvalidArgumentError(absl::StrCat("the key file ", path, " has no key"));
  return std::make_unique<FileKeys>(std::move(first), std::move(keys));
}

absl::Status CreateKeyFile(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return absl::OkStatus();
  // Written aside and linked: another starter sees a whole file or none, and only one of two wins.
  const std::string aside = absl::StrCat(path, ".", core::RandomHex(8));
  const File file(open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.fd() < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the key file ", path));
  const std::string line =
      absl::StrCat("k", core::RandomHex(4), ":", absl::Base64Escape(core::ToAbsl(AesKey::Random().view())), "\n");
  absl::Status status = WriteAll(file.fd(), line);
  if (status.ok() && link(aside.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    status = absl::ErrnoToStatus(errno, absl::StrCat("cannot make the key file ", path));
  }
  unlink(aside.c_str());
  return status;
}

}  // namespace stratus::provisioning::store
