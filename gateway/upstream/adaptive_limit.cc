#include "gateway/upstream/adaptive_limit.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace stratus::gateway::upstream {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
// A window ends with so many samples, but not before as long as a call takes, between these bounds; with fewer at the
// latter.
constexpr int kSamples = 10;
constexpr int64_t kWindow = 100 * kMillisecond;
constexpr int64_t kWindowMax = 1000 * kMillisecond;
// Where the limit begins, of the largest: no more than that can be in the queue of an upstream before the first
// evidence.
constexpr double kBeginPart = 0.25;
// Latency may double before it is called a queue.
constexpr double kTolerance = 2.0;
// At most half of the limit goes at once: a single pause of the upstream is no overload.
constexpr double kKeptMin = 0.5;
// With this part of the calls under way there is no queue: at rest under overload the limit is a little more than twice
// what the upstream works on at once. Times the tolerance it is below one, so that probes lead downwards.
constexpr double kProbePart = 0.4;
// How far a window with few calls moves a baseline up. Down it goes at once.
constexpr int kLearnPart = 4;
// A limit that nobody came near is first cut to so many times what is under way.
constexpr double kSlack = 4;
// What is usual follows what is less by this part a window, what is more at once.
constexpr double kForgetPart = 0.05;
// All workers of a process probe at the same time, as the load of the others would else hide what one measures.
constexpr int64_t kProbePeriod = 5000 * kMillisecond;
constexpr int64_t kProbeStepMin = 25 * kMillisecond;
constexpr int64_t kProbeStepMax = 4000 * kMillisecond;
// No probe follows another sooner than after so many times its length.
constexpr int kProbePause = 3;

}  // namespace

AdaptiveLimit::AdaptiveLimit(const LimitOptions& options)
    : options_(options),
      limit_(std::max(options.calls_min, static_cast<int>(options.calls_max * kBeginPart))),
      window_min_ns_(kWindow) {}

int AdaptiveLimit::ProbeValue() const {
  return std::max(options_.calls_min, static_cast<int>(std::min(limit_, usual_) * kProbePart));
}

int64_t AdaptiveLimit::Allowed(const Latency& latency) const {
  return std::max(static_cast<int64_t>(kTolerance * static_cast<double>(latency.baseline_ns)),
                  absl::ToInt64Nanoseconds(options_.latency_floor));
}

bool AdaptiveLimit::EndProbeIfDue(int64_t now_ns) {
  if (!probing_ || now_ns < probe_end_ns_) return false;
  Close(now_ns);
  return true;
}

void AdaptiveLimit::Take(Latency* latency, int64_t sent_ns, int64_t now_ns, bool replied) {
  if (options_.calls_min == options_.calls_max) return;
  EndProbeIfDue(now_ns);
  if (sent_ns < counts_from_ns_) return;
  const int64_t took = now_ns - sent_ns;
  // A client that asks for less time than a call needs says nothing about the upstream.
  if (!replied && took <= Allowed(*latency)) return;
  if (latency->samples++ == 0) {
    touched_.push_back(latency);
    latency->quickest_ns = took;
  } else {
    latency->quickest_ns = std::min(latency->quickest_ns, took);
  }
  if (replied) {
    latency->quickest_reply_ns = latency->replies++ == 0 ? took : std::min(latency->quickest_reply_ns, took);
  }
  ++samples_;
  latency_sum_ns_ += took;
  const int64_t open = now_ns - window_ns_;
  if (!probing_ && ((open >= window_min_ns_ && samples_ >= kSamples) || open >= kWindowMax)) Close(now_ns);
}

double AdaptiveLimit::JudgeWindow(bool unloaded, bool probed) {
  double kept = 0;
  for (Latency* latency : touched_) {
    if (latency->replies > 0) {
      int64_t& baseline = latency->baseline_ns;
      const int64_t reply = latency->quickest_reply_ns;
      if (baseline == 0 || reply < baseline || probed) {
        baseline = reply;
      } else if (unloaded) {
        baseline += (reply - baseline) / kLearnPart;
      }
    }
    const double share =
        static_cast<double>(Allowed(*latency)) / static_cast<double>(std::max<int64_t>(latency->quickest_ns, 1));
    kept += std::clamp(share, kKeptMin, 1.0) * latency->samples;
    latency->samples = latency->replies = 0;
  }
  touched_.clear();
  return kept / samples_;
}

void AdaptiveLimit::Adjust(double kept, int64_t now_ns) {
  if (kept < 1) strained_ = true;
  const double from = kept < 1 ? std::min(limit_, usual_ * kSlack) : limit_;
  const double next = std::clamp(from * kept + std::sqrt(from), static_cast<double>(options_.calls_min),
                                 static_cast<double>(options_.calls_max));
  if (next < limit_) counts_from_ns_ = now_ns;
  limit_ = next;
}

void AdaptiveLimit::Close(int64_t now_ns) {
  const bool probed = std::exchange(probing_, false);
  if (samples_ > 0) {
    const double under_way = in_flight_max_;
    const bool unloaded = under_way <= options_.calls_min;
    if (!probed) usual_ = std::max(under_way, usual_ + (under_way - usual_) * kForgetPart);
    const double kept = JudgeWindow(unloaded, probed);
    if (!probed) {
      Adjust(kept, now_ns);
      // No sooner than the calls that go now come back.
      const int64_t took = latency_sum_ns_ / samples_;
      window_min_ns_ = std::clamp(took, kWindow, kWindowMax);
      ProbeIfDue(now_ns, took);
    }
  }
  samples_ = 0;
  latency_sum_ns_ = 0;
  in_flight_max_ = 0;
  window_ns_ = now_ns;
}

// First the queue runs off, for as long as a call takes now, then some calls are watched.
void AdaptiveLimit::ProbeIfDue(int64_t now_ns, int64_t took_ns) {
  const int64_t period = now_ns / kProbePeriod;
  if (period == probe_period_) return;
  probe_period_ = period;
  if (!strained_ || now_ns < probe_end_ns_ + probe_pause_ns_) return;
  strained_ = false;
  probing_ = true;
  const int64_t step = std::clamp(took_ns, kProbeStepMin, kProbeStepMax);
  counts_from_ns_ = now_ns + step;
  probe_end_ns_ = counts_from_ns_ + 2 * step;
  probe_pause_ns_ = kProbePause * 3 * step;
}

}  // namespace stratus::gateway::upstream
