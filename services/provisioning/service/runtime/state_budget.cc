#include "services/provisioning/service/runtime/state_budget.h"

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {

absl::Status StateBudget::Take(size_t bytes) {
  core::MutexLock lock(mutex_);
  const auto more = static_cast<int64_t>(bytes);
  if (writes_ < limits_.writes && more <= limits_.bytes - bytes_) {
    ++writes_;
    bytes_ += more;
    return absl::OkStatus();
  }
  const std::string why =
      absl::StrCat("a run may write its state ", limits_.writes, " times, and ", limits_.bytes,
                   " bytes in all: this one has written it ", writes_, " times, and ", bytes_, " bytes");
  if (!told_)
    core::Log(core::Severity::kWarning, "a run's state writes are refused", {{"run", run_uid_}, {"why", why}});
  told_ = true;
  return absl::ResourceExhaustedError(why);
}

}  // namespace stratus::provisioning::service
