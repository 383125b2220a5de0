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
    writing_ = true;
    ++starting_;
    return true;
  }

  // After the write was handed to gRPC. A status: End came in between, and the caller ends the stream with it now.
  std::optional<absl::Status> WriteStarted() {
    core::MutexLock lock(mutex_);
    if (--starting_ > 0) return std::nullopt;
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
    if (starting_ > 0) deferred_ = status;
    return starting_ == 0;
  }

  bool writing() {
    core::MutexLock lock(mutex_);
    return writing_;
  }

 private:
  core::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;  // from BeginWrite to WriteDone
  // From BeginWrite to WriteStarted. A write may be done, and the next one begun on gRPC's thread, before the thread
  // that handed it over has come to WriteStarted: then there are two.
  int starting_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> deferred_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::rpc
