// What the API may be told by configuration.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/provisioning/domain/approval.h"

namespace stratus::provisioning::service {

struct QuotaLimits {  // of each tenant
  int stacks_max = 1000;
  int queued_runs_max = 100;
  int concurrent_runs_max = 4;  // told by GetQuota; the scheduler enforces it (store::RunLimits::per_tenant)
};

struct ApiSettings {
  QuotaLimits quota;
  domain::ApprovalMinimums approval;  // the runtime has the same

  // Store calls: threads, and how many calls may wait for one, in all and of one tenant.
  int threads = 8;
  size_t queue_max = 1024;
  size_t queue_tenant_max = 256;

  // Callers that wait for a run or watch one, in all and of one tenant. They hold no thread.
  size_t waiters_max = 10'000;
  size_t waiters_tenant_max = 1'000;
  // How often a waiter looks by itself, should a notification be lost.
  absl::Duration poll_interval = absl::Seconds(3);

  // Of the direct form (Prefer: wait=N) and of WaitOperation.
  absl::Duration wait_default = absl::Seconds(50);
  absl::Duration wait_max = absl::Minutes(10);

  absl::Duration idempotency_lifetime = absl::Hours(24);
};

// INVALID_ARGUMENT names each setting that is out of its range, and the range.
absl::Status CheckSettings(const ApiSettings& settings);

}  // namespace stratus::provisioning::service
