// A token bucket against floods that cost the sender nothing: what is done for a client spends, what it pays with
// (payload, content taken) earns.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace stratus::gateway::http {

class RateBudget {
 public:
  // What one frame of HTTP/2, or one chunk of HTTP/1.1, spends; a byte of payload earns 1.
  static constexpr int64_t kFrame = 8;

  static int64_t PerTick(int64_t per_second, absl::Duration tick) {
    return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(per_second) * absl::ToDoubleSeconds(tick)));
  }

  // `burst` at once, `per_tick` more with each tick of the listener's clock.
  RateBudget(int64_t burst, int64_t per_tick) : burst_(burst), per_tick_(per_tick), left_(burst) {}

  // False when the budget is spent.
  bool Spend(int64_t tokens = 1) {
    left_ -= tokens;
    return left_ >= 0;
  }
  bool spent() const { return left_ < 0; }
  void Earn(int64_t tokens) { left_ = std::min(burst_, left_ + tokens); }
  void OnTick() { Earn(per_tick_); }

 private:
  const int64_t burst_;
  const int64_t per_tick_;
  int64_t left_;
};

}  // namespace stratus::gateway::http
