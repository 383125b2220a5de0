#include "services/provisioning/engine/isolation.h"

#include <unistd.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/digest.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/left_files.h"
#include "services/provisioning/engine/process.h"
#include "services/provisioning/engine/sandbox.h"
#include "services/provisioning/engine/syscall_filter.h"

namespace stratus::provisioning::engine {
namespace {

constexpr const char* kBubblewrap = "/usr/bin/bwrap";
constexpr absl::Duration kTryMax = absl::Seconds(10);
constexpr int kTryProcesses = 64;

bool Says(const char* path, std::string_view value) {
  return absl::StripAsciiWhitespace(ReadFile(path, 64).value_or("")) == core::ToAbsl(value);
}

// What an operator can do about namespaces that are not to be had.
std::string Remedy() {
  if (access(kBubblewrap, X_OK) != 0) return "install the package bubblewrap";
  if (geteuid() != 0 && Says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")) {
    return "AppArmor keeps user namespaces from ordinary users (kernel.apparmor_restrict_unprivileged_userns=1): load "
           "a profile that gives them to /usr/bin/bwrap, as ./dev setup does (docs/how-to/security-of-runs.md)";
  }
  if (Says("/proc/sys/kernel/unprivileged_userns_clone", "0")) return "set kernel.unprivileged_userns_clone=1";
  if (Says("/proc/sys/user/max_user_namespaces", "0")) return "set user.max_user_namespaces to more than 0";
  return "in a container, allow user namespaces (its seccomp and AppArmor profiles), or start it as root with "
         "CAP_SYS_ADMIN";
}

// Runs a program the way a run is run.
absl::Status Try(const Isolation& isolation, const std::string& folder) {
  const std::string place = folder + "/try";
  if (absl::Status status = MakeFolder(place); !status.ok()) return status;
  const uid_t uid = isolation.uids ? isolation.uids->last : 0;
  if (uid != 0) {
    if (absl::Status status = GiveTree(place, uid); !status.ok()) return status;
  }
  const SandboxSpec spec = {
      .work_folder = place, .own_network = true, .uid = uid, .processes = kTryProcesses, .dies_with_parent = true};
  const auto tried = RunProgram({.arguments = SandboxCommand(isolation, spec, {"/usr/bin/true"}),
                                 .environment = {"PATH=/usr/bin:/bin"},
                                 .timeout = kTryMax});
  if (!tried.ok()) return tried.status();
  if (tried->code == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StripAsciiWhitespace(tried->err));
}

// From the best one down.
std::vector<Isolation> Candidates(const Isolation& base, Tier wanted) {
  std::vector<Isolation> candidates;
  const bool root = base.uids.has_value();
  const auto add = [&](Tier tier, const char* bubblewrap, bool user_namespace) {
    if (tier > wanted) return;
    Isolation& next = candidates.emplace_back(base);
    next.tier = tier;
    next.bubblewrap = bubblewrap;
    next.user_namespace = user_namespace;
  };
  for (const Tier tier : {Tier::kStrict, Tier::kBasic}) {
    if (access(kBubblewrap, X_OK) != 0) break;  // and is told by Remedy
    if (root) add(tier, kBubblewrap, true);
    add(tier, kBubblewrap, false);
  }
  add(Tier::kBasic, "", false);
  if (!candidates.empty()) {
    candidates.back().landlock = true;
    candidates.back().uids.reset();  // another uid could not come by its folder
  }
  return candidates;
}

absl::Status SetUids(const IsolationOptions& options, Isolation* isolation) {
  if (geteuid() != 0) return absl::OkStatus();
  const auto range = ParseUidRange(options.uids);
  if (!range.ok()) return range.status();
  if (absl::Status status = CheckUidRange(*range, {}); !status.ok()) return status;
  isolation->uids = *range;
  return absl::OkStatus();
}

absl::StatusOr<std::string> WriteFilter(const std::string& folder) {
  const auto filter = SyscallFilter();
  if (!filter.ok()) return filter.status();
  // Named by what it says: engines that are being started read the one that they were told of.
  const std::string path = absl::StrCat(folder, "/filter-", Sha256Hex(*filter).substr(0, 16), ".bpf");
  if (access(path.c_str(), F_OK) == 0) return path;
  const std::string temporary = path + ".new";
  if (absl::Status status = WriteFile(temporary, *filter); !status.ok()) return status;
  if (rename(temporary.c_str(), path.c_str()) != 0) return ErrnoStatus(path);
  return path;
}

absl::Status Refused(const IsolationOptions& options, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat("--isolation=", core::ToAbsl(TierName(options.wanted)),
                                                    " is not to be had here: ", why,
                                                    "; or ask for less, after docs/how-to/security-of-runs.md"));
}

}  // namespace

std::string_view TierName(Tier tier) {
  switch (tier) {
    case Tier::kOff: return "off";
    case Tier::kBasic: return "basic";
    case Tier::kStrict: return "strict";
  }
  return "";
}

absl::StatusOr<Tier> TierOf(std::string_view name) {
  for (const Tier tier : {Tier::kOff, Tier::kBasic, Tier::kStrict}) {
    if (TierName(tier) == name) return tier;
  }
  return absl::InvalidArgumentError(absl::StrCat("`", core::ToAbsl(name), "` is none of strict, basic, off"));
}

absl::StatusOr<Isolation> FindIsolation(const IsolationOptions& options, const std::string& shim,
                                        const std::string& folder) {
  Isolation base;
  base.shim = shim;
  if (options.wanted == Tier::kOff) return base;
  if (folder.starts_with("/usr/")) {
    return absl::InvalidArgumentError(absl::StrCat(folder,
                                                   " is below /usr, which every run can read: take another "
                                                   "--data-dir"));
  }
  auto filter = WriteFilter(folder);
  if (!filter.ok()) return filter.status();
  base.filter = *std::move(filter);
  std::string why;
  if (absl::Status status = SetUids(options, &base); !status.ok()) {
    if (!absl::IsFailedPrecondition(status)) return status;
    why = std::string(core::ToStd(status.message()));
  } else {
    for (Isolation& candidate : Candidates(base, options.wanted)) {
      const absl::Status tried = Try(candidate, folder);
      if (!tried.ok() && why.empty()) why = absl::StrCat(tried.message(), ": ", Remedy());
      if (!tried.ok()) continue;
      if (candidate.tier == options.wanted) return candidate;
      candidate.shortfall = why;
      if (options.may_fall_back) return candidate;
      break;
    }
    if (why.empty()) why = Remedy();
  }
  if (!options.may_fall_back) return Refused(options, why);
  base.filter.clear();
  base.uids.reset();
  base.shortfall = why;
  return base;
}

}  // namespace stratus::provisioning::engine
