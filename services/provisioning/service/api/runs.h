// Runs: making, approving, ending, reading them. All block.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"
#include "services/provisioning/service/api/run_queue.h"
#include "stratus/provisioning/v1/provisioning.pb.h"

namespace stratus::provisioning::service {

class Runs {
 public:
  explicit Runs(const ApiParts& parts) : parts_(parts) {}

  absl::StatusOr<v1::Run> Create(const Caller& caller, const v1::CreateRunRequest& request);
  absl::StatusOr<v1::Run> CheckDrift(const Caller& caller, const v1::CheckDriftRequest& request);
  absl::StatusOr<v1::Run> Retry(const Caller& caller, const v1::RetryRunRequest& request);
  absl::StatusOr<v1::Run> Approve(const Caller& caller, const v1::ApproveRunRequest& request);
  absl::StatusOr<v1::Run> Discard(const Caller& caller, const v1::DiscardRunRequest& request);
  absl::StatusOr<v1::Run> Cancel(const Caller& caller, const v1::CancelRunRequest& request);
  absl::StatusOr<v1::Run> ForceCancel(const Caller& caller, const v1::ForceCancelRunRequest& request);

  absl::StatusOr<v1::Run> Get(const Caller& caller, const v1::GetRunRequest& request);
  absl::StatusOr<v1::ListRunsResponse> List(const Caller& caller, const v1::ListRunsRequest& request);
  absl::StatusOr<v1::Plan> GetPlan(const Caller& caller, const v1::GetPlanRequest& request);

  // The tenant's own run of that uid; NOT_FOUND in the name of `name`.
  absl::StatusOr<store::RunRow> Find(const Caller& caller, std::string_view uid, std::string_view name);
  absl::StatusOr<store::RunRow> Find(const Caller& caller, const domain::RunName& run, std::string_view name);

  // Asks for the run's end, in a mutation of any method. A run that has ended stays as it is.
  absl::Status CancelOperation(const Caller& caller, const std::string& uid, const std::string& name,
                               const google::protobuf::Message& request);

 private:
  using Change = absl::FunctionRef<absl::Status(store::Transaction&, store::StackRow*, store::RunRow*)>;
  using Spec = absl::FunctionRef<absl::StatusOr<NewRun>(store::Transaction&, const store::StackRow&)>;

  absl::StatusOr<v1::Run> Queue(const Caller& caller, std::string_view method, const std::string& stack,
                                const std::string& request_id, const google::protobuf::Message& request, Spec spec);
  absl::StatusOr<v1::Run> ChangeRun(const Caller& caller, std::string_view method, const std::string& name,
                                    const std::string& request_id, const google::protobuf::Message& request,
                                    Change change);
  absl::Status EndOrAsk(store::Transaction& transaction, v1::Stack::State settled, store::StackRow* stack,
                        store::RunRow* run);
  absl::Status CheckPlanned(store::Transaction& transaction, const store::RunRow& run) const;
  static absl::Status CheckComment(const std::string& comment);
  v1::Decision DecisionOf(const Caller& caller, const std::string& comment) const;
  v1::Stack::State SettledStateFor(const Caller& caller, const std::string& stack_id);

  const ApiParts& parts_;
};

}  // namespace stratus::provisioning::service
