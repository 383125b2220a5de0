// Stops asking a host that keeps failing. Not thread-safe: the client's loop owns it. Times are Clock::Monotonic().
//
// Every Allow() that says yes is followed by exactly one OnSuccess, OnFailure or OnAbandoned.
#pragma once

#include "absl/time/time.h"

namespace stratus::http_client {

class CircuitBreaker {
 public:
  // Opens after `failures_max` failures in a row (at least 1), for `open_for`.
  CircuitBreaker(int failures_max, absl::Duration open_for) : failures_max_(failures_max), open_for_(open_for) {}

  // Whether a request may go out. While open: no; once `open_for` has passed, yes to one request at a time until one
  // succeeds (closes) or fails (opens again).
  bool Allow(absl::Duration now);

  void OnSuccess();
  void OnFailure(absl::Duration now);
  // The request ended without telling anything of the host (cancelled by the caller).
  void OnAbandoned();

  bool open() const { return state_ != State::kClosed; }

 private:
  enum class State { kClosed, kOpen, kTrial };

  int failures_max_;
  absl::Duration open_for_;
  State state_ = State::kClosed;
  int failures_in_a_row_ = 0;
  absl::Duration opened_at_;
};

}  // namespace stratus::http_client
