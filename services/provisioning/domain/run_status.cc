#include "services/provisioning/domain/run_status.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace stratus::provisioning::domain {
namespace {

using v1::RunStatus;

constexpr size_t kStatuses = 14;
static_assert(v1::RunStatus_MAX + 1 == kStatuses, "a new status needs its row in the table");

constexpr uint32_t Bit(RunStatus status) { return uint32_t{1} << static_cast<uint32_t>(status); }

template <typename... Statuses>
constexpr uint32_t To(Statuses... statuses) {
  return (Bit(statuses) | ... | 0);
}

// A row a status, in the order of their numbers: where a run may go from it.
constexpr std::array<uint32_t, kStatuses> kTable = {
    // UNSPECIFIED: not made yet
    To(v1::RUN_STATUS_PENDING),
    // PENDING: claimed, or ended before it was. APPLYING: plan and apply in one step
    To(v1::RUN_STATUS_PLANNING, v1::RUN_STATUS_APPLYING, v1::RUN_STATUS_RECOVERING, v1::RUN_STATUS_ERRORED,
       v1::RUN_STATUS_CANCELED, v1::RUN_STATUS_INTERRUPTED),
    // PLANNING: a lost plan is planned again (PENDING); a lost apply never goes back
    To(v1::RUN_STATUS_PLANNED, v1::RUN_STATUS_APPLYING, v1::RUN_STATUS_APPLIED, v1::RUN_STATUS_PLANNED_AND_FINISHED,
       v1::RUN_STATUS_ERRORED, v1::RUN_STATUS_CANCELED, v1::RUN_STATUS_FORCE_CANCELED, v1::RUN_STATUS_INTERRUPTED,
       v1::RUN_STATUS_PENDING),
    // PLANNED
    To(v1::RUN_STATUS_CONFIRMED, v1::RUN_STATUS_DISCARDED, v1::RUN_STATUS_CANCELED, v1::RUN_STATUS_ERRORED),
    // CONFIRMED
    To(v1::RUN_STATUS_APPLYING, v1::RUN_STATUS_CANCELED, v1::RUN_STATUS_ERRORED, v1::RUN_STATUS_INTERRUPTED),
    // APPLYING
    To(v1::RUN_STATUS_APPLIED, v1::RUN_STATUS_PLANNED_AND_FINISHED, v1::RUN_STATUS_ERRORED, v1::RUN_STATUS_CANCELED,
       v1::RUN_STATUS_FORCE_CANCELED, v1::RUN_STATUS_INTERRUPTED),
    // APPLIED, PLANNED_AND_FINISHED, DISCARDED, ERRORED, CANCELED, FORCE_CANCELED
    0,
    0,
    0,
    0,
    0,
    0,
    // INTERRUPTED
    To(v1::RUN_STATUS_RECOVERING, v1::RUN_STATUS_PENDING, v1::RUN_STATUS_ERRORED, v1::RUN_STATUS_CANCELED,
       v1::RUN_STATUS_FORCE_CANCELED, v1::RUN_STATUS_APPLIED),
    // RECOVERING: interrupted again, or at an end
    To(v1::RUN_STATUS_INTERRUPTED, v1::RUN_STATUS_APPLIED, v1::RUN_STATUS_PLANNED_AND_FINISHED, v1::RUN_STATUS_ERRORED,
       v1::RUN_STATUS_CANCELED, v1::RUN_STATUS_FORCE_CANCELED),
};

bool Known(RunStatus status) { return v1::RunStatus_IsValid(status); }

bool ChangesResources(const v1::Run& run) {
  return run.kind() == v1::RUN_KIND_APPLY || run.kind() == v1::RUN_KIND_DESTROY || run.kind() == v1::RUN_KIND_RECOVER;
}

// Never started, discarded at its plan, or cancelled before it wrote a state.
bool LeftAllAsItWas(const v1::Run& run) {
  return !run.has_start_time() || run.status() == v1::RUN_STATUS_DISCARDED ||
         (run.status() == v1::RUN_STATUS_CANCELED && run.state_serial() == 0);
}

}  // namespace

bool MayGo(RunStatus from, RunStatus to) {
  return Known(from) && Known(to) && (kTable[static_cast<size_t>(from)] & Bit(to)) != 0;
}

bool IsTerminal(RunStatus status) { return Known(status) && kTable[static_cast<size_t>(status)] == 0; }

bool IsSuccess(RunStatus status) {
  return status == v1::RUN_STATUS_APPLIED || status == v1::RUN_STATUS_PLANNED_AND_FINISHED;
}

bool IsWaiting(RunStatus status) {
  return status == v1::RUN_STATUS_PENDING || status == v1::RUN_STATUS_PLANNED || status == v1::RUN_STATUS_CONFIRMED;
}

bool MayApprove(RunStatus status) { return status == v1::RUN_STATUS_PLANNED; }

bool MayCancel(RunStatus status) {
  return Known(status) && status != v1::RUN_STATUS_UNSPECIFIED && !IsTerminal(status);
}

bool MayRetry(RunStatus status) { return IsTerminal(status) && !IsSuccess(status); }

std::optional<v1::Stack::State> SettledState(const std::vector<v1::Run>& newest_first) {
  for (const v1::Run& run : newest_first) {
    if (!IsTerminal(run.status()) || !ChangesResources(run) || LeftAllAsItWas(run)) continue;
    if (IsSuccess(run.status())) return v1::Stack::STATE_READY;
    const bool undecided = run.status() == v1::RUN_STATUS_ERRORED && !run.recovery_notes().empty();
    return undecided ? v1::Stack::STATE_NEEDS_ATTENTION : v1::Stack::STATE_FAILED;
  }
  return std::nullopt;
}

}  // namespace stratus::provisioning::domain
