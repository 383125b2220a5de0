// What can be read of runs: the second half of runs.h.
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/service/api/present.h"
#include "services/provisioning/service/api/runs.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service {
namespace {

constexpr int kEventsAPage = 1000;
constexpr int kPlannedPages = 20;  // of events before the apply begins

// The plan of a run that planned and applied in one step, as its events told it.
absl::StatusOr<v1::Plan> PlanFromEvents(const ApiParts& parts, const store::RunRow& run) {
  v1::Plan plan;
  *plan.mutable_summary() = run.record.plan();
  int64_t after = 0;
  for (int page = 0; page < kPlannedPages; ++page) {
    auto events = parts.store->Events(run.uid, after, kEventsAPage);
    if (!events.ok()) return events.status();
    for (store::EventRow& row : *events) {
      after = row.sequence;
      if (row.event.has_planned_change()) plan.add_changes()->Swap(row.event.mutable_planned_change());
      if (row.event.has_resource_drift()) plan.add_drift()->Swap(row.event.mutable_resource_drift());
    }
    if (events->size() < kEventsAPage) break;
  }
  return plan;
}

absl::StatusOr<v1::Plan> StoredPlan(const ApiParts& parts, const store::RunRow& run) {
  const auto sealed = parts.store->GetBlob(run.uid, kPlanViewBlob);
  if (!sealed.ok()) return sealed.status();
  const auto bytes = parts.sealer->Open(BlobContext(run.uid, kPlanViewBlob), *sealed);
  if (!bytes.ok()) return bytes.status();
  v1::Plan plan;
  if (!plan.ParseFromString(*bytes)) return absl::DataLossError("the stored plan cannot be read");
  return plan;
}

}  // namespace

absl::StatusOr<v1::Run> Runs::Get(const Caller& caller, const v1::GetRunRequest& request) {
  const auto name = domain::ParseRunName(request.name());
  if (!name) return core::InvalidField("name", "must be `stacks/{stack}/runs/{run}`");
  const auto run = Find(caller, *name, request.name());
  if (!run.ok()) return run.status();
  return PresentRun(parts_, *run);
}

absl::StatusOr<v1::ListRunsResponse> Runs::List(const Caller& caller, const v1::ListRunsRequest& request) {
  domain::Violations violations;
  store::RunQuery query;
  query.tenant = caller.tenant;
  query.filter = request.filter();
  query.page = {domain::CheckPageSize(request.page_size(), &violations), request.page_token()};
  const auto stack = domain::ParseStackName(request.parent());
  if (!stack && request.parent() != "stacks/-") violations.Add("parent", "must be `stacks/{stack}` or `stacks/-`");
  if (request.filter().size() > domain::kFilterMax) {
    violations.Add("filter", absl::StrCat("must be at most ", domain::kFilterMax, " characters"));
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  if (stack) {
    const auto row = Named(parts_.store->GetStack(caller.tenant, *stack), request.parent());
    if (!row.ok()) return row.status();
    query.stack_uid = row->uid;
  }
  auto listed = parts_.store->ListRuns(query);
  if (!listed.ok()) return listed.status();
  v1::ListRunsResponse response;
  for (const store::RunRow& run : listed->rows) *response.add_runs() = PresentRun(parts_, run);
  response.set_next_page_token(listed->next_page_token);
  return response;
}

absl::StatusOr<v1::Plan> Runs::GetPlan(const Caller& caller, const v1::GetPlanRequest& request) {
  const auto name = domain::ParsePlanName(request.name());
  if (!name) return core::InvalidField("name", "must be `stacks/{stack}/runs/{run}/plan`");
  const auto run = Find(caller, *name, request.name());
  if (!run.ok()) return run.status();
  absl::StatusOr<v1::Plan> plan = StoredPlan(parts_, *run);
  if (plan.status().code() == absl::StatusCode::kNotFound) {
    if (!run->record.has_plan()) {
      return absl::NotFoundError(absl::StrCat(domain::RunNameOf(name->stack, name->run), " has not planned"));
    }
    plan = PlanFromEvents(parts_, *run);
  }
  if (plan.ok()) plan->set_name(request.name());
  return plan;
}

}  // namespace stratus::provisioning::service
