#include "lib/core/line_writer.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <utility>

#include "lib/core/log.h"

namespace stratus::core {
namespace {

// A batch waits this long for company.
constexpr auto kBatchTime = std::chrono::milliseconds(50);
// How long a reader may take none of a batch before the rest of it is lost.
constexpr int kPatienceMs = 1000;

bool MayBlock(int fd) {
  struct stat info {};
  return fstat(fd, &info) != 0 || !S_ISREG(info.st_mode);
}

// As many whole lines as a pipe that can be written to takes without blocking: they then never mix with the lines of
// other writers of the same pipe.
std::string_view NextPiece(std::string_view text) {
  if (text.size() <= PIPE_BUF) return text;
  const size_t end = text.rfind('\n', PIPE_BUF - 1);
  return text.substr(0, end == std::string_view::npos ? PIPE_BUF : end + 1);
}

uint64_t Lines(std::string_view text) { return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

LineWriter::LineWriter(int fd, size_t bytes_max)
    : fd_(fd), bytes_max_(bytes_max), waits_(MayBlock(fd)), thread_([this] { Run(); }) {}

LineWriter::~LineWriter() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  thread_.join();
}

void LineWriter::Write(std::string_view line) {
  MutexLock lock(mutex_);
  if (pending_.text.size() + line.size() > bytes_max_) {
    ++no_room_;
    return;
  }
  const bool first = pending_.lines == 0;
  pending_.text.append(line);
  ++pending_.lines;
  if (first) wake_.NotifyOne();
}

LineWriter::Stats LineWriter::stats() const {
  Stats stats;
  stats.written = written_.load(std::memory_order_relaxed);
  stats.not_taken = not_taken_.load(std::memory_order_relaxed);
  MutexLock lock(mutex_);
  stats.no_room = no_room_;
  stats.bytes_held = pending_.text.size();
  return stats;
}

void LineWriter::Run() {
  Batch batch;
  uint64_t told = 0;
  for (bool stopping = false; !stopping;) {
    uint64_t no_room = 0;
    {
      MutexLock lock(mutex_);
      while (pending_.lines == 0 && !stopping_) wake_.Wait(lock);
      if (!stopping_) wake_.WaitFor(lock, kBatchTime);
      batch.text.clear();
      batch.lines = 0;
      std::swap(batch, pending_);
      no_room = no_room_;
      stopping = stopping_;
    }
    WriteOut(batch);
    const uint64_t lost = no_room + not_taken_.load(std::memory_order_relaxed);
    if (lost > told) Log(Severity::kWarning, "lines of the access log were dropped", {{"lines", lost - told}});
    told = lost;
  }
}

void LineWriter::WriteOut(const Batch& batch) {
  std::string_view left = batch.text;
  while (!left.empty()) {
    pollfd ready{fd_, POLLOUT, 0};
    if (waits_ && poll(&ready, 1, kPatienceMs) == 0) break;
    const std::string_view piece = waits_ ? NextPiece(left) : left;
    const ssize_t taken = write(fd_, piece.data(), piece.size());
    if (taken > 0) {
      left.remove_prefix(static_cast<size_t>(taken));
    } else if (errno != EINTR && errno != EAGAIN) {
      break;
    }
  }
  const uint64_t lost = Lines(left);
  not_taken_.fetch_add(lost, std::memory_order_relaxed);
  written_.fetch_add(batch.lines - lost, std::memory_order_relaxed);
}

}  // namespace stratus::core
