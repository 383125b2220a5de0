// Where a run may go from where it is. One table; the API, the scheduler and recovery all ask it.
#pragma once

#include <optional>
#include <vector>

#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::domain {

// Whether a run may go from `from` to `to`. Staying is no transition. RUN_STATUS_UNSPECIFIED goes to PENDING alone.
bool MayGo(v1::RunStatus from, v1::RunStatus to);

// An end: nothing comes after it.
bool IsTerminal(v1::RunStatus status);

// An end that did what was asked for: APPLIED, PLANNED_AND_FINISHED.
bool IsSuccess(v1::RunStatus status);

// Waits, with no engine at work: PENDING, PLANNED, CONFIRMED.
bool IsWaiting(v1::RunStatus status);

// ApproveRun and DiscardRun: PLANNED alone.
bool MayApprove(v1::RunStatus status);
// CancelRun: whatever has not ended.
bool MayCancel(v1::RunStatus status);
// RetryRun: ERRORED, CANCELED, FORCE_CANCELED, DISCARDED.
bool MayRetry(v1::RunStatus status);

// What a stack is when none of its runs is open, read from its runs, newest first: the newest that changed resources or
// tried to decides. nullopt when none of them did: look at older ones; NEW when there are no older.
std::optional<v1::Stack::State> SettledState(const std::vector<v1::Run>& newest_first);

}  // namespace stratus::provisioning::domain
