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

  // Something that who asks should know, ready or not: how it runs, not whether. Reasons and facts hold no secrets.
  void AddFact(std::string name, std::string value);

  // From now on not ready, whatever the checks say.
  void SetDraining();

  // {check, reason} for each that fails; empty: ready.
  std::vector<std::pair<std::string, std::string>> Failures() const;
  std::vector<std::pair<std::string, std::string>> Facts() const;

 private:
  mutable core::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<std::string, std::function<absl::Status()>>> checks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, std::string>> facts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::telemetry
