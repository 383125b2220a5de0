// Lines for a log that many threads write and one thread puts out, in batches. Who writes never waits for the reader of
// the log: what finds no room is dropped and counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "lib/core/mutex.h"

namespace stratus::core {

class LineWriter {
 public:
  // Bytes that wait for the thread.
  static constexpr size_t kBytesMax = 4 << 20;

  // Writes to the file descriptor `fd`, which the caller keeps open.
  explicit LineWriter(int fd, size_t bytes_max = kBytesMax);
  // Writes out what is left, as far as a reader takes it.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // One line with its newline. From any thread; allocates only where the buffer has to grow.
  void Write(std::string_view line);

  struct Stats {
    uint64_t written = 0;     // lines
    uint64_t no_room = 0;     // lines dropped, as the reader did not keep up
    uint64_t not_taken = 0;   // lines lost with a batch that the file or pipe did not take
    uint64_t bytes_held = 0;  // waiting now
  };
  Stats stats() const;

 private:
  struct Batch {
    std::string text;
    uint64_t lines = 0;
  };

  void Run();
  void WriteOut(const Batch& batch);

  const int fd_;
  const size_t bytes_max_;
  const bool waits_;  // a write to it may block
  mutable Mutex mutex_;
  CondVar wake_;
  Batch pending_ ABSL_GUARDED_BY(mutex_);
  uint64_t no_room_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> not_taken_{0};
  std::thread thread_;
};

}  // namespace stratus::core
