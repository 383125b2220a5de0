// Asks the provider whether what an engine had begun is there. A search that fails is no answer: what stays without one
// is left to a person, and does not stand in the way of the others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/engine/finder.h"
#include "services/provisioning/service/runtime/recovery_plan.h"
#include "services/provisioning/service/runtime/run_control.h"

namespace stratus::provisioning::service {

class ProviderSearch {
 public:
  struct Options {
    std::string run_uid;                             // for the log
    absl::Duration patience = absl::Minutes(10);     // with a provider that does not answer, in all
    absl::Duration attempt_max = absl::Seconds(30);  // of one question
    absl::Duration pause = absl::Seconds(2);         // between two
  };
  struct Answer {
    std::vector<engine::Found> found;
    std::map<std::string, std::string> unanswered;  // why, by address
  };

  // `finder` and `control` outlive it.
  ProviderSearch(engine::Finder* finder, RunControl* control, engine::Finder::Environment environment, Options options)
      : finder_(*finder), control_(*control), environment_(std::move(environment)), options_(std::move(options)) {}

  // Looks for `lost` by what `plan` would make anew. What the plan does not make stays unanswered: nothing says what to
  // look for. Fails only by a Halt (run_control.h).
  absl::StatusOr<Answer> Ask(const std::vector<LostResource>& lost, const std::vector<PlannedResource>& plan);

 private:
  absl::StatusOr<std::vector<engine::Found>> AskUntil(const std::vector<engine::Lost>& lost, absl::Duration give_up);

  engine::Finder& finder_;
  RunControl& control_;
  const engine::Finder::Environment environment_;
  const Options options_;
};

}  // namespace stratus::provisioning::service
