#include "services/provisioning/service/api/settings.h"

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {
namespace {

void CheckRange(std::string_view name, double value, double min, double max, core::FieldViolations* violations) {
  if (value >= min && value <= max) return;
  violations->Add(name, absl::StrCat("must be ", min, " to ", max));
}

}  // namespace

absl::Status CheckSettings(const ApiSettings& settings) {
  core::FieldViolations violations;
  const auto seconds = [](absl::Duration duration) { return absl::ToDoubleSeconds(duration); };
  CheckRange("quota.stacks_max", settings.quota.stacks_max, 1, 1'000'000, &violations);
  CheckRange("quota.queued_runs_max", settings.quota.queued_runs_max, 1, 100'000, &violations);
  CheckRange("quota.concurrent_runs_max", settings.quota.concurrent_runs_max, 1, 1000, &violations);
  CheckRange("threads", settings.threads, 1, 256, &violations);
  CheckRange("queue_max", static_cast<double>(settings.queue_max), 1, 100'000, &violations);
  CheckRange("queue_tenant_max", static_cast<double>(settings.queue_tenant_max), 1, 100'000, &violations);
  CheckRange("waiters_max", static_cast<double>(settings.waiters_max), 1, 1'000'000, &violations);
  CheckRange("waiters_tenant_max", static_cast<double>(settings.waiters_tenant_max), 1, 1'000'000, &violations);
  CheckRange("poll_interval", seconds(settings.poll_interval), 0.1, 60, &violations);
  CheckRange("wait_default", seconds(settings.wait_default), 0, 3600, &violations);
  CheckRange("wait_max", seconds(settings.wait_max), 0, 3600, &violations);
  CheckRange("idempotency_lifetime", seconds(settings.idempotency_lifetime), 60, 7 * 86400, &violations);
  return violations.ToStatus();
}

}  // namespace stratus::provisioning::service
