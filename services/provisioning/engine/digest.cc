#include "services/provisioning/engine/digest.h"

#include <openssl/sha.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFileBytesMax = size_t{16} << 20;
constexpr size_t kFilesMax = 1000;

absl::Status ListFiles(const fs::path& folder, std::vector<fs::path>* files) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (name[0] == '.' && name != ".terraform.lock.hcl") continue;
    if (files->size() >= kFilesMax) {
      return absl::InvalidArgumentError(absl::StrCat(folder.string(), " has more than ", kFilesMax, " files"));
    }
    const fs::file_status status = at->symlink_status(error);
    if (fs::is_directory(status)) {
      if (absl::Status listed = ListFiles(at->path(), files); !listed.ok()) return listed;
    } else {
      files->push_back(at->path());
    }
  }
  if (error) return absl::InvalidArgumentError(absl::StrCat(folder.string(), ": ", error.message()));
  return absl::OkStatus();
}

}  // namespace

std::string Sha256Hex(std::string_view text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash);
  return absl::BytesToHexString({reinterpret_cast<const char*>(hash), sizeof(hash)});
}

absl::StatusOr<std::string> ModuleDigest(const std::string& folder) {
  std::vector<fs::path> files;
  if (absl::Status status = ListFiles(folder, &files); !status.ok()) return status;
  std::sort(files.begin(), files.end());
  std::string names_and_hashes;
  for (const fs::path& file : files) {
    const auto text = ReadFile(file, kFileBytesMax);
    if (!text.ok()) return text.status();
    const std::string name = file.lexically_relative(folder);
    absl::StrAppend(&names_and_hashes, name.size(), ":", name, " ", Sha256Hex(*text), "\n");
  }
  return Sha256Hex(names_and_hashes);
}

}  // namespace stratus::provisioning::engine
