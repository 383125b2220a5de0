// Watch over a step's control folder: works the same for a step that was launched here and one that was found.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/core/mutex.h"
#include "services/provisioning/engine/engine.h"
#include "services/provisioning/engine/process.h"
#include "services/provisioning/engine/redact.h"
#include "services/provisioning/engine/workspace.h"

namespace stratus::provisioning::engine {

class StepWatch final : public Watch {
 public:
  // DATA_LOSS when the folder's files are not whole. A torn shim.pid is a step that nobody knows the end of.
  static absl::StatusOr<std::unique_ptr<StepWatch>> Open(const std::string& step_folder, Redactor redactor);

  const std::string& step_name() const override { return name_; }
  Command command() const override { return facts_.command; }
  std::vector<std::string> Read(int64_t* offset, absl::Duration timeout) override;
  std::optional<Exit> Poll() override;
  void Interrupt() override;
  void Kill() override;
  std::vector<std::string> TakeEgressRecords() override;
  std::string ErrorText() const override;

  const ProcessId& shim() const { return shim_; }

 private:
  StepWatch(std::string folder, StepFacts facts, Redactor redactor);

  std::optional<Exit> ReadExit() const;
  std::optional<Exit> PollWithoutShim();
  void InterruptOrphan() const;
  std::vector<ProcessId> Leaders() const;
  void AwaitShim() const;
  void WaitForChange(absl::Duration timeout);
  std::vector<std::string> ReadLines(const char* file, int64_t* offset, bool ended) const;

  const std::string folder_;
  const std::string name_;
  const StepFacts facts_;
  const Redactor redactor_;
  ProcessId shim_;
  ProcessId engine_;
  ProcessId sandbox_;    // not there where there is none
  UniqueFd changes_;     // inotify on the folder; invalid where the system has no more to give
  UniqueFd shim_ended_;  // pidfds

  core::Mutex mu_;
  core::CondVar changed_;
  int64_t egress_offset_ ABSL_GUARDED_BY(mu_) = 0;
  bool waiting_ ABSL_GUARDED_BY(mu_) = false;  // one reader sits on the descriptors; the others wait for it
  std::optional<Exit> exit_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::Duration> orphaned_since_ ABSL_GUARDED_BY(mu_);  // by the monotonic clock
};

}  // namespace stratus::provisioning::engine
