#include "services/provisioning/engine/step_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "services/provisioning/engine/cgroups.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

constexpr size_t kReadBytesMax = size_t{1} << 20;
constexpr size_t kLineBytesMax = size_t{64} << 20;
constexpr size_t kErrorTextMax = 4096;
// Where inotify has no instance left, and for an engine whose shim has died: it may write without anybody telling.
constexpr absl::Duration kBlindWait = absl::Milliseconds(50);

constexpr absl::Duration kKillMax = absl::Seconds(10);
constexpr absl::Duration kLastActMax = absl::Seconds(5);

std::string ReadAt(int fd, int64_t offset, size_t bytes) {
  std::string text(bytes, '\0');
  size_t used = 0;
  while (used < bytes) {
    const ssize_t got = pread(fd, text.data() + used, bytes - used, offset + static_cast<int64_t>(used));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<size_t>(got);
  }
  text.resize(used);
  return text;
}

// Cuts `text` into lines up to its last line's end, or to its own end.
std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(duration) + 1, 0, 3600000));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StepWatch>> StepWatch::Open(const std::string& step_folder, Redactor redactor) {
  const auto facts = ReadStepFacts(step_folder);
  if (!facts.ok()) return facts.status();
  return std::unique_ptr<StepWatch>(new StepWatch(step_folder, *facts, std::move(redactor)));
}

StepWatch::StepWatch(std::string folder, StepFacts facts, Redactor redactor)
    : folder_(std::move(folder)),
      name_(std::filesystem::path(folder_).filename()),
      facts_(facts),
      redactor_(std::move(redactor)),
      // A torn file is of a machine that went down: nothing of that boot lives.
      shim_(ReadPidFile(folder_ + "/shim.pid").value_or(ProcessId{})),
      engine_(ReadPidFile(folder_ + "/engine.pid").value_or(ProcessId{})),
      sandbox_(ReadPidFile(folder_ + "/sandbox.pid").value_or(ProcessId{})),
      changes_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      shim_ended_(OpenProcess(shim_)) {
  if (changes_ && inotify_add_watch(changes_.get(), folder_.c_str(), IN_MODIFY | IN_MOVED_TO | IN_ONLYDIR) < 0) {
    changes_.Reset();
  }
}

std::optional<Exit> StepWatch::ReadExit() const {
  const auto text = ReadFile(folder_ + "/exit.json", 4096);
  if (!text.ok()) return std::nullopt;
  const nlohmann::json exit = nlohmann::json::parse(*text, nullptr, false);
  if (!exit.is_object()) return std::nullopt;
  return Exit{.known = true,
              .code = exit.value("code", -1),
              .signal = exit.value("signal", 0),
              .timed_out = exit.value("timed_out", false),
              .exceeded = exit.value("exceeded", "")};
}

std::optional<Exit> StepWatch::Poll() {
  {
    core::MutexLock lock(mu_);
    if (exit_) return exit_;
  }
  // Asked in this order: a shim that is gone has written its last word before.
  const bool alive = IsAlive(shim_);
  std::optional<Exit> exit = ReadExit();
  if (!exit && !alive) exit = PollWithoutShim();
  if (!exit) return std::nullopt;
  AwaitShim();
  waitpid(shim_.pid, nullptr, WNOHANG);  // handed to this process when it was launched here (BecomeSubreaper)
  core::MutexLock lock(mu_);
  if (exit_) return exit_;
  if (exit->exceeded.empty() && RanOutOfMemory(facts_.cgroups)) exit->exceeded = "memory";
  RemoveCgroups(facts_.cgroups);
  exit_ = exit;
  return exit_;
}

// Its last word is its last act: whoever hears of the end finds nothing of the step still there.
void StepWatch::AwaitShim() const {
  pollfd wait = {shim_ended_.get(), POLLIN, 0};
  if (shim_ended_) poll(&wait, 1, Milliseconds(kLastActMax));
}

// Once, whichever process sees it first: a second SIGINT would cut the engine's clean-up short.
void StepWatch::InterruptOrphan() const {
  const std::string done = folder_ + "/interrupted";
  const UniqueFd made(open(done.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (made) SendSignal(engine_, SIGINT);
}

// Nobody limits an engine without a shim, or would tell how it ended: it is to save what it has.
std::optional<Exit> StepWatch::PollWithoutShim() {
  if (!IsAlive(engine_)) return Exit{};
  core::MutexLock lock(mu_);
  if (!orphaned_since_) {
    orphaned_since_ = core::Clock::Real().Monotonic();
    InterruptOrphan();
  }
  if (core::Clock::Real().Monotonic() - *orphaned_since_ < facts_.cancel_grace) return std::nullopt;
  return Exit{};
}

std::vector<std::string> StepWatch::ReadLines(const char* file, int64_t* offset, bool ended) const {
  const UniqueFd fd(open(absl::StrCat(folder_, "/", file).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  std::string text;
  for (size_t bytes = kReadBytesMax; bytes <= kLineBytesMax; bytes *= 4) {
    text = ReadAt(fd.get(), *offset, bytes);
    const size_t line_end = text.rfind('\n');
    const bool all = text.size() < bytes;
    if (line_end != std::string::npos) {
      text.resize(line_end + 1);
      break;
    }
    if (all && !ended) return {};
    if (all) break;
  }
  *offset += static_cast<int64_t>(text.size());
  return SplitLines(text);
}

std::vector<std::string> StepWatch::Read(int64_t* offset, absl::Duration timeout) {
  const absl::Duration deadline = core::Clock::Real().Monotonic() + timeout;
  for (;;) {
    // Asked before reading: what is there after the end is all there will be.
    const bool ended = Poll().has_value();
    std::vector<std::string> lines = ReadLines("events.jsonl", offset, ended);
    const absl::Duration left = deadline - core::Clock::Real().Monotonic();
    if (!lines.empty() || ended || left <= absl::ZeroDuration()) return lines;
    WaitForChange(left);
  }
}

std::vector<std::string> StepWatch::TakeEgressRecords() {
  core::MutexLock lock(mu_);
  return ReadLines("egress.log", &egress_offset_, /*ended=*/false);
}

void StepWatch::WaitForChange(absl::Duration timeout) {
  {
    core::MutexLock lock(mu_);
    if (waiting_) {
      changed_.WaitFor(lock, absl::ToChronoNanoseconds(timeout));
      return;
    }
    waiting_ = true;
  }
  const bool blind = !changes_ || !shim_ended_ || !IsAlive(shim_);
  std::array<pollfd, 2> waits = {{{changes_.get(), POLLIN, 0}, {blind ? -1 : shim_ended_.get(), POLLIN, 0}}};
  poll(waits.data(), waits.size(), Milliseconds(blind ? std::min(timeout, kBlindWait) : timeout));
  char events[4096];
  while (changes_ && read(changes_.get(), events, sizeof(events)) > 0) {
  }
  core::MutexLock lock(mu_);
  waiting_ = false;
  changed_.NotifyAll();
}

void StepWatch::Interrupt() { SendSignal(shim_, SIGTERM); }

void StepWatch::Kill() {
  if (SendSignal(shim_, SIGUSR1)) return;
  KillRunProcesses(facts_.work_folder, Leaders(), kKillMax).IgnoreError();
}

std::vector<ProcessId> StepWatch::Leaders() const { return {shim_, engine_, sandbox_}; }

std::string StepWatch::ErrorText() const {
  const UniqueFd fd(open((folder_ + "/stderr").c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (!fd || fstat(fd.get(), &info) != 0) return "";
  // More than is given out, so that a secret at the cut is still found whole.
  const int64_t from = std::max<int64_t>(0, info.st_size - int64_t{8} * kErrorTextMax);
  std::string text = redactor_.Apply(ReadAt(fd.get(), from, 8 * kErrorTextMax));
  // What is left of a secret that began in front of that is too short to be found.
  if (from > 0) text.erase(0, std::min(text.size(), Redactor::kFragmentBytes));
  if (text.size() <= kErrorTextMax) return text;
  text.erase(0, text.size() - kErrorTextMax);
  const size_t line = text.find('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

}  // namespace stratus::provisioning::engine
