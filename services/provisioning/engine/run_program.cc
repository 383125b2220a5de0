#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/process.h"
#include "services/provisioning/engine/spawn.h"

namespace stratus::provisioning::engine {
namespace {

// Takes what there is; false at the end of the stream.
bool Drain(int fd, size_t bytes_max, std::string* text) {
  char buffer[16384];
  const ssize_t got = read(fd, buffer, sizeof(buffer));
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  if (text->size() < bytes_max)
    text->append(buffer, std::min<size_t>(static_cast<size_t>(got), bytes_max - text->size()));
  return true;
}

// False when the time ran out first.
bool DrainBoth(UniqueFd* out, UniqueFd* err, const ProgramCall& call, absl::Duration deadline, Finished* finished) {
  while (*out || *err) {
    const absl::Duration left = deadline - core::Clock::Real().Monotonic();
    if (left <= absl::ZeroDuration()) return false;
    std::array<pollfd, 2> waits = {{{out->get(), POLLIN, 0}, {err->get(), POLLIN, 0}}};
    poll(waits.data(), waits.size(), static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (waits[0].revents != 0 && !Drain(out->get(), call.output_bytes_max, &finished->out)) out->Reset();
    if (waits[1].revents != 0 && !Drain(err->get(), call.output_bytes_max, &finished->err)) err->Reset();
  }
  return true;
}

// A file in memory alone, read from its beginning. A reader that stops reading keeps nobody waiting.
absl::StatusOr<UniqueFd> InMemory(const std::string& text) {
  UniqueFd file(memfd_create("stdin", MFD_CLOEXEC));
  if (!file) return ErrnoStatus("memfd");
  for (size_t done = 0; done < text.size();) {
    const ssize_t wrote = write(file.get(), text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return ErrnoStatus("memfd");
    done += static_cast<size_t>(wrote);
  }
  if (lseek(file.get(), 0, SEEK_SET) != 0) return ErrnoStatus("memfd");
  return file;
}

}  // namespace

absl::StatusOr<Finished> RunProgram(const ProgramCall& call) {
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  UniqueFd out_end(out[0]), out_write(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  UniqueFd err_end(err[0]), err_write(err[1]);
  const auto input = InMemory(call.input);
  if (!input.ok()) return input.status();
  const absl::Duration deadline = core::Clock::Real().Monotonic() + call.timeout;
  const auto pid =
      Spawn({.arguments = call.arguments,
             .environment = call.environment,
             .folder = call.folder,
             .descriptors = {
                 {input->get(), STDIN_FILENO}, {out_write.get(), STDOUT_FILENO}, {err_write.get(), STDERR_FILENO}}});
  if (!pid.ok()) return pid.status();
  out_write.Reset();
  err_write.Reset();
  Finished finished;
  const bool ended = DrainBoth(&out_end, &err_end, call, deadline, &finished);
  if (!ended) {
    // In its sandbox it has a group of its own: it ends because nobody reads (shim/enter.h, --waited-for).
    out_end.Reset();
    err_end.Reset();
    kill(-*pid, SIGKILL);
  }
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return absl::DeadlineExceededError(
        absl::StrCat(call.arguments[0], " did not end within ", absl::FormatDuration(call.timeout)));
  }
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

}  // namespace stratus::provisioning::engine
