// Time as code sees it, so that tests can set it.
#pragma once

#include <atomic>

#include "absl/time/time.h"

namespace stratus::core {

class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time. It may jump: never measure a duration with it.
  virtual absl::Time Now() const = 0;

  // Time since an arbitrary moment; never goes back.
  virtual absl::Duration Monotonic() const = 0;

  // The machine's clock; lives for ever.
  static const Clock& Real();
};

// A clock that moves only when told. Safe for use from several threads.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time now = absl::FromUnixSeconds(1'700'000'000)) : nanos_(absl::ToUnixNanos(now)) {}

  absl::Time Now() const override { return absl::FromUnixNanos(nanos_.load()); }
  absl::Duration Monotonic() const override { return absl::Nanoseconds(nanos_.load()); }
  void Advance(absl::Duration by) { nanos_.fetch_add(absl::ToInt64Nanoseconds(by)); }

 private:
  std::atomic<int64_t> nanos_;
};

}  // namespace stratus::core
