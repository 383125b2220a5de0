// Sampling by rules that are written in a file, in the format of the X-Ray SDKs:
//
//   {"version": 2, "default": {"fixed_target": 1, "rate": 0.05},
//    "rules": [{"description": "the console", "host": "*", "http_method": "GET", "url_path": "/console/*",
//               "fixed_target": 0, "rate": 0}]}
//
// The first rule that matches counts: `fixed_target` calls a second, and `rate` of the others. Version 1 says
// `service_name` for `host`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/core/clock.h"
#include "lib/telemetry/sampling_rule.h"
#include "lib/telemetry/tracer.h"

namespace stratus::telemetry {

// The rules in order, the default last. INVALID_ARGUMENT names what is wrong: unknown keys, too, since a misspelt rate
// would sample everything.
absl::StatusOr<std::vector<SamplingRule>> ParseSamplingRulesFile(std::string_view json);

// What counts where nothing else is known: one call a second, and 5 % of the others.
std::vector<SamplingRule> FallbackRules();

class LocalSampler final : public Sampler {
 public:
  // Uniform in [0, 1).
  using Draw = std::function<double()>;

  // `rules`: the last should match everything, or calls that none matches are not sampled.
  explicit LocalSampler(const std::vector<SamplingRule>& rules, const core::Clock* clock = &core::Clock::Real(),
                        Draw draw = {});

  bool Sample(const SamplingRequest& request) override;

 private:
  struct Entry {
    SamplingRule rule;
    Reservoir reservoir;
  };
  std::vector<std::unique_ptr<Entry>> entries_;
  const core::Clock* const clock_;
  const Draw draw_;
};

}  // namespace stratus::telemetry
