#include "services/provisioning/service/api/operations.h"

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/present.h"

namespace stratus::provisioning::service {
namespace {

absl::Status BadName() { return core::InvalidField("name", "must be `operations/{operation}`"); }

}  // namespace

absl::StatusOr<google::longrunning::Operation> Operations::Find(const Caller& caller, const std::string& name) {
  const auto uid = domain::ParseOperationName(name);
  if (!uid) return BadName();
  const auto run = runs_.Find(caller, *uid, name);
  if (!run.ok()) return run.status();
  return PresentOperation(parts_, *run);
}

absl::StatusOr<google::longrunning::Operation> Operations::Get(
    const Caller& caller, const google::longrunning::GetOperationRequest& request) {
  return Find(caller, request.name());
}

absl::StatusOr<google::longrunning::ListOperationsResponse> Operations::List(
    const Caller& caller, const google::longrunning::ListOperationsRequest& request) {
  domain::Violations violations;
  if (!request.name().empty() && request.name() != "operations") violations.Add("name", "must be `operations`");
  store::RunQuery query;
  query.tenant = caller.tenant;
  query.filter = request.filter();
  query.page = {domain::CheckPageSize(request.page_size(), &violations), request.page_token()};
  if (request.filter().size() > domain::kFilterMax) {
    violations.Add("filter", absl::StrCat("must be at most ", domain::kFilterMax, " characters"));
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  const auto listed = parts_.store->ListRuns(query);
  if (!listed.ok()) return listed.status();
  google::longrunning::ListOperationsResponse response;
  for (const store::RunRow& run : listed->rows) *response.add_operations() = PresentOperation(parts_, run);
  response.set_next_page_token(listed->next_page_token);
  return response;
}

absl::Status Operations::Cancel(const Caller& caller, const google::longrunning::CancelOperationRequest& request) {
  const auto uid = domain::ParseOperationName(request.name());
  if (!uid) return BadName();
  return runs_.CancelOperation(caller, *uid, request.name(), request);
}

}  // namespace stratus::provisioning::service
