// A least rate for a peer that owes something: bytes of a body, or the taking of a reply.
//
//   RateFloor floor;
//   if (owes && !floor.Keep(rule, moved_in_this_tick)) ...   // too slow for too long
//   if (!owes) floor.Reset();
#pragma once

#include <algorithm>
#include <cstddef>

namespace stratus::gateway::http {

class RateFloor {
 public:
  struct Rule {
    double ticks = 0;           // how long one may be slower
    double bytes_per_tick = 0;  // 0: as slow as one likes
  };

  // One more tick in which `bytes` moved for `debts` things that are owed at once, each of which has its rate. False
  // when the average over the rule's time is below that; what moves quickly first is no credit for a stop.
  bool Keep(const Rule& rule, size_t bytes, size_t debts = 1) {
    if (rule.bytes_per_tick <= 0) return true;
    const double paid = static_cast<double>(bytes) / (rule.bytes_per_tick * static_cast<double>(debts));
    behind_ = std::max(0.0, behind_ + 1 - paid);
    return behind_ <= rule.ticks;
  }
  void Reset() { behind_ = 0; }

 private:
  double behind_ = 0;  // ticks
};

}  // namespace stratus::gateway::http
