#include "lib/telemetry/readiness.h"

namespace stratus::telemetry {

void Readiness::AddCheck(std::string name, std::function<absl::Status()> check) {
  core::MutexLock lock(mutex_);
  checks_.emplace_back(std::move(name), std::move(check));
}

void Readiness::AddFact(std::string name, std::string value) {
  core::MutexLock lock(mutex_);
  facts_.emplace_back(std::move(name), std::move(value));
}

std::vector<std::pair<std::string, std::string>> Readiness::Facts() const {
  core::MutexLock lock(mutex_);
  return facts_;
}

void Readiness::SetDraining() {
  core::MutexLock lock(mutex_);
  draining_ = true;
}

std::vector<std::pair<std::string, std::string>> Readiness::Failures() const {
  core::MutexLock lock(mutex_);
  std::vector<std::pair<std::string, std::string>> failures;
  if (draining_) failures.emplace_back("drain", "the program is stopping");
  for (const auto& [name, check] : checks_) {
    if (const absl::Status status = check(); !status.ok()) failures.emplace_back(name, std::string(status.message()));
  }
  return failures;
}

}  // namespace stratus::telemetry
