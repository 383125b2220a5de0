// Whether this program should get traffic, and if not, why.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "lib/core/mutex.h"

namespace stratus::telemetry {

class Readiness {
 public:
  // `check` runs at each question, on any thread; it must not block: it reports a state that is known already.
  void AddCheck(std::string name, std::function<absl::Status()> check);

  // From now on not ready, whatever the checks say.
  void SetDraining();

  // {check, reason} for each that fails; empty: ready. Reasons are for operators: no secrets.
  std::vector<std::pair<std::string, std::string>> Failures() const;

 private:
  mutable core::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<std::string, std::function<absl::Status()>>> checks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::telemetry
