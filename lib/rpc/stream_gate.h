// Orders the writes of a stream against its end, which come from different threads: gRPC ends the program when a write
// starts after Finish.
#pragma once

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "lib/core/mutex.h"

namespace stratus::rpc {

class StreamGate {
 public:
  // True: the caller starts a write now, and then calls WriteStarted. False: one is under way, or the stream has ended.
  bool BeginWrite() {
    core::MutexLock lock(mutex_);
    if (writing_ || ended_) return false;
    writing_ = starting_ = true;
    return true;
  }

  // After the write was handed to gRPC. A status: End came in between, and the caller ends the stream with it now.
  std::optional<absl::Status> WriteStarted() {
    core::MutexLock lock(mutex_);
    starting_ = false;
    return std::exchange(deferred_, std::nullopt);
  }

  void WriteDone() {
    core::MutexLock lock(mutex_);
    writing_ = false;
  }

  // True: the caller ends the stream now. False: it has ended, or the thread that starts a write will end it.
  bool End(const absl::Status& status) {
    core::MutexLock lock(mutex_);
    if (ended_) return false;
    ended_ = true;
    if (starting_) deferred_ = status;
    return !starting_;
  }

  bool writing() {
    core::MutexLock lock(mutex_);
    return writing_;
  }

 private:
  core::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;   // from BeginWrite to WriteDone
  bool starting_ ABSL_GUARDED_BY(mutex_) = false;  // from BeginWrite to WriteStarted
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> deferred_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::rpc
