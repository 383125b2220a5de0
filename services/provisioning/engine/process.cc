#include "services/provisioning/engine/process.h"

#include <dirent.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/clock.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

constexpr size_t kProcBytesMax = size_t{1} << 20;

struct Stat {
  char state = '?';
  pid_t parent = 0;
  pid_t session = 0;
  uint64_t start_ticks = 0;
};

std::optional<Stat> ReadStat(pid_t pid) {
  const auto text = ReadFile(absl::StrCat("/proc/", pid, "/stat"), kProcBytesMax);
  if (!text.ok()) return std::nullopt;
  // The command's name is in brackets and may hold anything.
  const size_t bracket = text->rfind(')');
  if (bracket == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields = absl::StrSplit(text->substr(bracket + 1), ' ', absl::SkipEmpty());
  Stat stat;
  // Field 3 is the first here: 4 the parent, 6 the session, 22 the start time.
  if (fields.size() < 20 || !absl::SimpleAtoi(fields[1], &stat.parent) || !absl::SimpleAtoi(fields[3], &stat.session) ||
      !absl::SimpleAtoi(fields[19], &stat.start_ticks)) {
    return std::nullopt;
  }
  stat.state = fields[0][0];
  return stat;
}

// Every process but this one.
void ForEachProcess(absl::FunctionRef<void(pid_t, const Stat&)> visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (proc == nullptr) return;
  while (const dirent* entry = readdir(proc.get())) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid) || pid == getpid()) continue;
    if (const auto stat = ReadStat(pid)) visit(pid, *stat);
  }
}

bool IsDead(char state) { return state == 'Z' || state == 'X'; }

const std::string& BootId() {
  static const std::string id = [] {
    std::string text = ReadFile("/proc/sys/kernel/random/boot_id", kProcBytesMax).value_or("-");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }();
  return id;
}

bool IsMarked(pid_t pid, const std::string& marker) {
  const auto environment = ReadFile(absl::StrCat("/proc/", pid, "/environ"), kProcBytesMax);
  if (!environment.ok()) return false;
  size_t at = 0;
  while (at < environment->size()) {
    size_t end = environment->find('\0', at);
    if (end == std::string::npos) end = environment->size();
    if (environment->compare(at, end - at, marker) == 0) return true;
    at = end + 1;
  }
  return false;
}

bool WorksIn(pid_t pid, const std::string& folder) {
  char target[4096];
  const ssize_t size = readlink(absl::StrCat("/proc/", pid, "/cwd").c_str(), target, sizeof(target));
  return size >= static_cast<ssize_t>(folder.size()) &&
         std::string_view(target, static_cast<size_t>(size)).starts_with(folder);
}

// A session's number is not given away while it has members, but it may be once they are gone: so a member must be no
// older than the leader, and where the leader has died must be known by something else too.
bool IsMember(pid_t pid, const Stat& stat, const ProcessId& leader, const std::string& folder) {
  if (leader.boot_id != BootId()) return false;
  if (pid == leader.pid) return stat.start_ticks == leader.start_ticks;
  if (stat.session != leader.pid || stat.start_ticks < leader.start_ticks) return false;
  return IsAlive(leader) || WorksIn(pid, folder);
}

}  // namespace

absl::StatusOr<ProcessId> ReadPidFile(const std::string& path) {
  const auto text = ReadFile(path, 4096);
  if (!text.ok()) return text.status();
  const std::vector<std::string> fields = absl::StrSplit(*text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  ProcessId process;
  if (fields.size() != 3 || !absl::SimpleAtoi(fields[0], &process.pid) || process.pid <= 1 ||
      !absl::SimpleAtoi(fields[1], &process.start_ticks)) {
    return absl::DataLossError(absl::StrCat(path, " is not `PID START BOOT`"));
  }
  process.boot_id = fields[2];
  return process;
}

bool IsAlive(const ProcessId& process) {
  if (process.boot_id != BootId()) return false;
  const auto stat = ReadStat(process.pid);
  return stat && stat->start_ticks == process.start_ticks && !IsDead(stat->state);
}

UniqueFd OpenProcess(const ProcessId& process) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  // Whose number it is now is asked only after the descriptor holds it.
  if (!fd || !IsAlive(process)) return UniqueFd();
  return fd;
}

bool SendSignal(const ProcessId& process, int signal) {
  const UniqueFd fd = OpenProcess(process);
  return fd && syscall(SYS_pidfd_send_signal, fd.get(), signal, nullptr, 0) == 0;
}

std::string RunMarker(const std::string& run_folder) { return "STRATUS_RUN=" + run_folder; }

std::vector<ProcessId> FindRunProcesses(const std::string& run_folder, const std::vector<ProcessId>& leaders) {
  const std::string marker = RunMarker(run_folder);
  std::vector<ProcessId> found;
  ForEachProcess([&](pid_t pid, const Stat& stat) {
    if (IsDead(stat.state)) return;
    bool ours = false;
    for (const ProcessId& leader : leaders) ours = ours || IsMember(pid, stat, leader, run_folder);
    if (ours || IsMarked(pid, marker)) found.push_back({pid, stat.start_ticks, BootId()});
  });
  return found;
}

void BecomeSubreaper() { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

void ReapOrphans() {
  const pid_t session = getsid(0);
  ForEachProcess([&](pid_t pid, const Stat& stat) {
    if (stat.parent == getpid() && stat.session != session && IsDead(stat.state)) waitpid(pid, nullptr, WNOHANG);
  });
}

absl::Status KillRunProcesses(const std::string& run_folder, const std::vector<ProcessId>& leaders,
                              absl::Duration timeout) {
  const absl::Duration deadline = core::Clock::Real().Monotonic() + timeout;
  for (;;) {
    const std::vector<ProcessId> living = FindRunProcesses(run_folder, leaders);
    if (living.empty()) return absl::OkStatus();
    for (const ProcessId& process : living) SendSignal(process, SIGKILL);
    const absl::Duration left = deadline - core::Clock::Real().Monotonic();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat("process ", living[0].pid, " of ", run_folder, " does not die; ", living.size(), " remain"));
    }
    if (const UniqueFd fd = OpenProcess(living[0])) {
      pollfd ended = {fd.get(), POLLIN, 0};
      poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    }
  }
}

}  // namespace stratus::provisioning::engine
