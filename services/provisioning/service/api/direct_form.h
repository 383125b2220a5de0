// The direct form, `POST|DELETE /{module}`: a stack that is named after its module unless the caller says otherwise,
// runs as the stack's policy lets them, and a reply of bare outputs. Here is what blocks: beginning, and looking how
// far it is. The waiting between is ModuleGrpcService's.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "stratus/provisioning/v1/provisioning.pb.h"

namespace stratus::provisioning::service {

// What was begun: which run to wait for, and what to answer once it has ended well.
struct DirectRun {
  std::string stack;  // id
  std::string run;    // uid
  int http_status = 200;
};

class DirectForm {
 public:
  explicit DirectForm(const ApiParts& parts) : parts_(parts) {}

  // Creates the stack (201) or replaces its variables (200), and queues a run behind those that there are.
  // PERMISSION_DENIED: without stratus/stacks.create, or stratus/stacks.update, as the case is. ALREADY_EXISTS: the
  // stack is of another module. ABORTED: it is being deleted.
  absl::StatusOr<DirectRun> Apply(const Caller& caller, const v1::ApplyModuleRequest& request);

  // Queues the run that destroys the stack and removes it; a deletion that is under way is joined. NOT_FOUND: there is
  // no such stack of this module.
  absl::StatusOr<DirectRun> Destroy(const Caller& caller, const v1::DestroyModuleRequest& request);

  // How far the run is: fills in outputs once it has ended. The run's error when it ended badly.
  enum class Progress { kUnderWay, kWaitsForApproval, kEnded };
  absl::StatusOr<Progress> Look(const Caller& caller, const DirectRun& run, v1::DirectReply* reply);

  // What is told past the wait: outputs are {"operation": ..., "done": false}.
  static v1::DirectReply Pending(const DirectRun& run);

 private:
  absl::StatusOr<DirectRun> ApplyIn(store::Transaction& transaction, const Caller& caller,
                                    const v1::ApplyModuleRequest& request, const std::string& stack_id,
                                    const engine::ModuleEntry& module);
  absl::StatusOr<DirectRun> DestroyIn(store::Transaction& transaction, const Caller& caller,
                                      const std::string& module_name, const std::string& stack_id);

  const ApiParts& parts_;
};

}  // namespace stratus::provisioning::service
