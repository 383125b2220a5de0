// A token bucket against floods of frames that cost the sender nothing.
#pragma once

#include <algorithm>
#include <cstdint>

namespace stratus::gateway::http {

class RateBudget {
 public:
  // `burst` at once, `per_tick` more with each tick of the listener's clock.
  RateBudget(int64_t burst, int64_t per_tick) : burst_(burst), per_tick_(per_tick), left_(burst) {}

  // False when the budget is spent.
  bool Spend() { return --left_ >= 0; }
  void Refill(int64_t tokens) { left_ = std::min(burst_, left_ + tokens); }
  void OnTick() { Refill(per_tick_); }

 private:
  const int64_t burst_;
  const int64_t per_tick_;
  int64_t left_;
};

}  // namespace stratus::gateway::http
