// How many calls an upstream can have under way before more of them would only wait for each other (ADR 11).
//
// Latency says so: while there is room a call takes what it takes alone, its baseline; past that point each further
// call makes all of them slower. Of every method the quickest reply of a short window is compared with its baseline. A
// mix of quick and slow replies is therefore no overload, and one method that has become slow by itself counts by its
// share of the calls alone. Where the quickest takes more than twice its baseline, and more than the floor, the limit
// is cut, else it grows by its square root. Every few seconds under strain the limit is lowered for a moment to measure
// the baselines anew: latency that stays is the method's own.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace stratus::gateway::upstream {

struct LimitOptions {
  // The limit moves between them, and begins at a quarter of the largest. Equal: it is fixed.
  int calls_min = 16;
  int calls_max = 1024;
  // Replies that come within it are never a sign of overload.
  absl::Duration latency_floor = absl::Milliseconds(50);
};

// What is known of one method's latency. AdaptiveLimit's own.
struct Latency {
  int64_t baseline_ns = 0;  // 0: unknown
  // Of the window.
  int64_t quickest_ns = 0;
  int64_t quickest_reply_ns = 0;
  int samples = 0;
  int replies = 0;
};

// Times are of one monotonic clock. Allocates nothing once each method has been seen.
class AdaptiveLimit {
 public:
  explicit AdaptiveLimit(const LimitOptions& options);

  int value() const { return probing_ ? ProbeValue() : static_cast<int>(limit_); }
  // A probe ends at its time, also when no call is answered in order any more. True: value() may have changed.
  bool EndProbeIfDue(int64_t now_ns);
  // So many calls are under way now.
  void Saw(int in_flight) {
    if (in_flight > in_flight_max_) in_flight_max_ = in_flight;
  }
  // A call that was sent at `sent_ns` was answered in order. `latency` lives as long as this object.
  void OnReply(Latency* latency, int64_t sent_ns, int64_t now_ns) { Take(latency, sent_ns, now_ns, true); }
  // Its deadline passed before that.
  void OnTimeout(Latency* latency, int64_t sent_ns, int64_t now_ns) { Take(latency, sent_ns, now_ns, false); }

 private:
  void Take(Latency* latency, int64_t sent_ns, int64_t now_ns, bool replied);
  int ProbeValue() const;
  int64_t Allowed(const Latency& latency) const;
  void Close(int64_t now_ns);
  // What is left of the limit by what the window saw, and the methods' baselines.
  double JudgeWindow(bool unloaded, bool probed);
  void Adjust(double kept, int64_t now_ns);
  // `took_ns`: what calls take now.
  void ProbeIfDue(int64_t now_ns, int64_t took_ns);

  const LimitOptions options_;
  double limit_;
  std::vector<Latency*> touched_;  // with samples in this window
  int samples_ = 0;
  int in_flight_max_ = 0;
  double usual_ = 0;            // of calls under way: a peak that is forgotten slowly
  int64_t window_ns_ = 0;       // its begin
  int64_t window_min_ns_;       // how long it lasts at least
  int64_t counts_from_ns_ = 0;  // calls sent before tell of a load that is over
  int64_t latency_sum_ns_ = 0;  // of the window's samples
  bool strained_ = false;       // since the last probe
  bool probing_ = false;
  int64_t probe_end_ns_ = 0;
  int64_t probe_pause_ns_ = 0;  // after it
  int64_t probe_period_ = 0;    // the last one's number
};

}  // namespace stratus::gateway::upstream
