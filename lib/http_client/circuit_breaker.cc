#include "lib/http_client/circuit_breaker.h"

namespace stratus::http_client {

bool CircuitBreaker::Allow(absl::Duration now) {
  if (state_ == State::kClosed) return true;
  if (state_ == State::kTrial || now - opened_at_ < open_for_) return false;
  state_ = State::kTrial;
  return true;
}

void CircuitBreaker::OnSuccess() {
  // A late success of a request sent before the breaker opened says nothing of the host now.
  if (state_ == State::kOpen) return;
  state_ = State::kClosed;
  failures_in_a_row_ = 0;
}

void CircuitBreaker::OnFailure(absl::Duration now) {
  if (state_ == State::kOpen) return;
  ++failures_in_a_row_;
  if (state_ == State::kClosed && failures_in_a_row_ < failures_max_) return;
  state_ = State::kOpen;
  opened_at_ = now;
}

void CircuitBreaker::OnAbandoned() {
  // The trial told nothing: the next request may be the trial at once.
  if (state_ == State::kTrial) state_ = State::kOpen;
}

}  // namespace stratus::http_client
