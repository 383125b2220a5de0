#include "services/provisioning/engine/prepared_sweep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kKeySize = 64;                             // SHA-256 in hex
constexpr absl::Duration kLockMax = absl::Milliseconds(1);  // whoever has it is using it

struct Candidate {
  std::string name;
  absl::Time used;
};

bool IsKey(const std::string& name) {
  return name.size() == kKeySize &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// The prepared folders that runs are of.
std::set<std::string> LinkedFrom(const std::string& control_folders) {
  std::set<std::string> linked;
  std::error_code error;
  for (fs::directory_iterator run(control_folders, error), end; !error && run != end; run.increment(error)) {
    std::error_code none;
    const fs::path target = fs::read_symlink(run->path() / "prepared", none);
    if (!none) linked.insert(target.filename());
  }
  return linked;
}

std::vector<Candidate> Unused(const std::string& prepared_folder, const std::set<std::string>& used) {
  std::vector<Candidate> unused;
  std::error_code error;
  for (fs::directory_iterator at(prepared_folder, error), end; !error && at != end; at.increment(error)) {
    struct stat info = {};
    const std::string name = at->path().filename();
    // What a dead process was making counts as the folder that it was to be.
    if (!IsKey(fs::path(name).stem()) || name.ends_with(".lock") || used.contains(fs::path(name).stem())) continue;
    if (stat(at->path().c_str(), &info) == 0) unused.push_back({name, absl::TimeFromTimespec(info.st_mtim)});
  }
  std::sort(unused.begin(), unused.end(), [](const Candidate& a, const Candidate& b) { return a.used > b.used; });
  return unused;
}

// Under the lock that its makers take, and under another name first: what has the right name is whole.
absl::Status Remove(const std::string& path) {
  const std::string key = fs::path(path).parent_path() / fs::path(path).stem();
  const auto lock = LockFile(key + ".lock", kLockMax);
  if (!lock.ok()) return lock.status();
  const std::string making = key + ".making";
  if (path != making) {
    if (absl::Status status = RemoveFolder(making); !status.ok()) return status;
    if (rename(path.c_str(), making.c_str()) != 0) return ErrnoStatus(path);
  }
  if (absl::Status status = RemoveFolder(making); !status.ok()) return status;
  unlink((key + ".lock").c_str());
  return absl::OkStatus();
}

}  // namespace

bool TouchPrepared(const std::string& folder) { return utimensat(AT_FDCWD, folder.c_str(), nullptr, 0) == 0; }

void SweepPrepared(const std::string& prepared_folder, const std::string& control_folders,
                   const std::set<std::string>& spared, const SweepLimits& limits, absl::Time now) {
  std::set<std::string> used = LinkedFrom(control_folders);
  used.insert(spared.begin(), spared.end());
  size_t kept = 0;
  for (const Candidate& candidate : Unused(prepared_folder, used)) {
    const absl::Duration idle = now - candidate.used;
    const bool goes = idle > limits.idle_max || (kept >= limits.unused_max && idle > limits.idle_min);
    if (!goes) {
      ++kept;
      continue;
    }
    const std::string path = absl::StrCat(prepared_folder, "/", candidate.name);
    if (absl::Status removed = Remove(path); removed.ok()) {
      core::Log(core::Severity::kInfo, "a prepared folder that no run uses was removed", {{"folder", path}});
    }
  }
}

}  // namespace stratus::provisioning::engine
