// A run's hold on its stack, as the worker that drives it has it: every write checks that the hold is still there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "services/provisioning/service/runtime/run_control.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::service {

// What a change may touch. The run's row is written back always, the stack's when `stack_changed` is set: that changes
// its etag.
struct LeasedChange {
  store::Transaction& transaction;
  store::StackRow& stack;
  store::RunRow& run;
  std::vector<v1::RunEvent> events = {};  // to be appended, in order
  bool stack_changed = false;
  bool delete_stack = false;                 // with all that is its own, once the run's row is written
  std::optional<v1::AuditEvent> audit = {};  // added last
};

class Lease {
 public:
  // `store` and `control` outlive it.
  Lease(store::Store* store, const store::RunRow& run, RunControl* control);

  // Runs `change` in a transaction in which the run still holds the lease at this epoch, and tells who watches the run.
  // A store that does not answer is asked again until it does: the engine goes on meanwhile, and what it does is in its
  // files. Halts (run_control.h) when the lease is gone or the service stops.
  absl::Status Update(absl::FunctionRef<absl::Status(LeasedChange&)> change);

  // The same for a change that must not be made twice: UNKNOWN when it may have been made.
  absl::Status UpdateOnce(absl::FunctionRef<absl::Status(LeasedChange&)> change);

  // The run as of the last Update: its cancel flags among it.
  const store::RunRow& run() const { return run_; }
  // What the last Update has added to the audit log; empty: nothing.
  const std::string& audit_line() const { return audit_line_; }
  // Reads it anew.
  absl::Status Refresh();

  const std::string& run_uid() const { return run_.uid; }
  const std::string& stack_uid() const { return run_.stack_uid; }
  int64_t epoch() const { return epoch_; }

 private:
  absl::Status Persist(absl::FunctionRef<absl::Status(LeasedChange&)> change, bool again_when_unknown);
  absl::Status TryUpdate(absl::FunctionRef<absl::Status(LeasedChange&)> change);

  store::Store& store_;
  RunControl& control_;
  const int64_t epoch_;
  store::RunRow run_;
  std::string audit_line_;
};

// Adds the event and sets the status; nothing when it has it already.
void SetStatus(LeasedChange* change, v1::RunStatus to, std::string_view reason);

// Takes lease and lock off a stack. The epoch stays.
void ReleaseLease(store::StackRow* stack);

}  // namespace stratus::provisioning::service
