// Sampling by rules that are kept in X-Ray. The quota of a rule is shared out over all who sample by it: each reports
// what it saw and is told how many a second it may take. Until then it borrows one a second, so that a rule with a
// reservoir is never silent.
//
// This is the state alone, driven by whoever talks to the daemon (sampling_poller.h). Safe from any thread.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sampling.html
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/telemetry/sampling_rule.h"
#include "lib/telemetry/tracer.h"

namespace stratus::telemetry {

class CentralRules final : public Sampler {
 public:
  using Draw = std::function<double()>;

  // `fallback` decides until rules have come, and when they are older than an hour. All outlive this.
  CentralRules(Sampler* fallback, const core::Clock* clock, Draw draw = {});

  bool Sample(const SamplingRequest& request) override;

  // The answer to GetSamplingRules, all pages of it. Rules that stay keep their reservoirs, quotas and counts.
  // INVALID_ARGUMENT: it is not such an answer, and the rules stay as they are.
  absl::Status TakeRules(absl::Span<const std::string> pages);
  absl::Status TakeRules(std::string page) { return TakeRules(absl::MakeConstSpan(&page, 1)); }
  // What asks for the page after this one; nothing after the last.
  static std::optional<std::string> NextToken(std::string_view page);

  // The body for SamplingTargets: what was seen of each rule since it last went, where that is due. Nothing where
  // nothing is due. What it holds counts as sent: GiveBack undoes that.
  std::optional<std::string> TakeStatistics(const std::string& client_id);
  void GiveBack();

  // The answer to SamplingTargets. What it names as not processed is reported again. `*rules_changed`: the rules should
  // be asked for again.
  absl::Status TakeTargets(std::string_view json, bool* rules_changed);

 private:
  struct Counts {
    std::atomic<int64_t> requests{0};
    std::atomic<int64_t> sampled{0};
    std::atomic<int64_t> borrowed{0};
  };
  // What outlives a new version of the rule.
  struct Usage {
    Reservoir reservoir;
    Counts counts;
    Counts sent;  // by the statistics whose answer is awaited
    std::atomic<double> rate{0};
    std::atomic<int64_t> quota{-1};         // a second; -1: none was given
    std::atomic<int64_t> quota_ends_ns{0};  // monotonic, as are those below
    std::atomic<int64_t> report_due_ns{0};  // not before
    std::atomic<int64_t> interval_ns{10'000'000'000};
  };
  struct Entry {
    SamplingRule rule;
    std::shared_ptr<Usage> usage;
  };
  using Entries = std::vector<Entry>;

  static void GiveBack(Usage* usage);
  std::shared_ptr<const Entries> Current() const;
  bool Decide(const Entry& entry, absl::Duration now) const;

  Sampler* const fallback_;
  const core::Clock* const clock_;
  const Draw draw_;
  std::atomic<int64_t> rules_end_ns_{0};
  std::atomic<int64_t> rules_taken_unix_{0};
  mutable core::Mutex mutex_;
  std::shared_ptr<const Entries> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::telemetry
