#include "services/provisioning/service/runtime/provider_search.h"

#include <utility>

#include "absl/time/clock.h"
#include "lib/core/clock.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {

absl::StatusOr<ProviderSearch::Answer> ProviderSearch::Ask(const std::vector<LostResource>& lost,
                                                           const std::vector<PlannedResource>& plan) {
  Answer answer;
  std::vector<engine::Lost> questions;
  for (const LostResource& resource : lost) {
    engine::Lost question{resource.address, resource.type, "", resource.started};
    for (const PlannedResource& planned : plan) {
      if (planned.address == resource.address) question.planned_json = planned.after_json;
    }
    if (question.planned_json.empty()) {
      answer.unanswered[resource.address] = "the module does not make it any more, so nothing says what to look for";
    } else {
      questions.push_back(std::move(question));
    }
  }
  if (questions.empty()) return answer;
  const absl::Duration give_up = core::Clock::Real().Monotonic() + options_.patience;
  // All in one question; where that has no answer for good, one by one.
  absl::StatusOr<std::vector<engine::Found>> all = AskUntil(questions, give_up);
  if (IsHalt(all.status())) return all.status();
  if (all.ok()) {
    answer.found = *std::move(all);
    return answer;
  }
  for (const engine::Lost& question : questions) {
    const auto one = questions.size() == 1 ? all : AskUntil({question}, give_up);
    if (IsHalt(one.status())) return one.status();
    if (one.ok()) {
      answer.found.insert(answer.found.end(), one->begin(), one->end());
    } else {
      answer.unanswered[question.address] = core::ToStd(one.status().message());
    }
  }
  return answer;
}

absl::StatusOr<std::vector<engine::Found>> ProviderSearch::AskUntil(const std::vector<engine::Lost>& lost,
                                                                    absl::Duration give_up) {
  for (;;) {
    auto found = finder_.Find(lost, environment_, absl::Now() + options_.attempt_max);
    const bool may_pass = absl::IsUnavailable(found.status()) || absl::IsDeadlineExceeded(found.status());
    if (found.ok() || !may_pass || core::Clock::Real().Monotonic() >= give_up) return found;
    core::Log(core::Severity::kWarning, "a provider does not answer a search; it is asked again",
              {{"run", options_.run_uid}, {"reason", core::ToStd(found.status().message())}});
    if (!control_.Pause(options_.pause)) return Halt("the service stops");
  }
}

}  // namespace stratus::provisioning::service
