#include "services/provisioning/service/api/testing/approval_matrix.h"

#include "services/provisioning/domain/names.h"

namespace stratus::provisioning::service::testing {
namespace {

using Stub = v1::ProvisioningService::Stub;
using ModulesStub = v1::ModuleService::Stub;
using AuditStub = v1::AuditService::Stub;
using CredentialStub = v1::CredentialService::Stub;
using OperationsStub = google::longrunning::Operations::Stub;

template <typename Request>
Request Of(std::function<void(Request*)> fill) {
  Request request;
  fill(&request);
  return request;
}

absl::Status Update(Client& client, const std::string& path, const std::function<void(v1::Stack*)>& fill) {
  v1::UpdateStackRequest request;
  request.mutable_stack()->set_name("stacks/idle");
  fill(request.mutable_stack());
  request.mutable_update_mask()->add_paths(path);
  return Ask(client, &Stub::UpdateStack, request);
}

absl::Status NewRun(Client& client, v1::RunKind kind, v1::ApprovalPolicy policy) {
  v1::CreateRunRequest request;
  request.set_parent("stacks/idle");
  request.mutable_run()->set_kind(kind);
  request.mutable_run()->set_approval_policy(policy);
  return Ask(client, &Stub::CreateRun, request);
}

absl::Status Apply(Client& client, const std::string& stack) {
  v1::ApplyModuleRequest request;
  request.set_module("note");
  request.set_stack(stack);
  SetNote(request.mutable_variables(), "changed");
  grpc::ClientContext context;
  context.AddMetadata("prefer", "wait=0");
  return client.Call(client.modules(), &ModulesStub::ApplyModule, request, &context).status();
}

std::string OperationOf(const std::string& run) { return "operations/" + domain::ParseRunName(run)->run; }

}  // namespace

void SetNote(google::protobuf::Struct* variables, const std::string& text) {
  (*variables->mutable_fields())["text"].set_string_value(text);
}

const std::vector<Row>& Rows() {
  static const auto& rows = *new std::vector<Row>{
      {"ListModules", "", Effect::kNothing,
       [](Client& c, const World&) { return Ask(c, &Stub::ListModules, v1::ListModulesRequest()); }},
      {"GetModule", "", Effect::kNothing,
       [](Client& c, const World&) { return Ask(c, &Stub::GetModule, Named<v1::GetModuleRequest>("modules/note")); }},
      {"GetStack", "", Effect::kNothing,
       [](Client& c, const World&) { return Ask(c, &Stub::GetStack, Named<v1::GetStackRequest>("stacks/idle")); }},
      {"ListStacks", "", Effect::kNothing,
       [](Client& c, const World&) { return Ask(c, &Stub::ListStacks, v1::ListStacksRequest()); }},
      {"GetOutputs", "", Effect::kNothing,
       [](Client& c, const World&) {
         return Ask(c, &Stub::GetOutputs, Named<v1::GetOutputsRequest>("stacks/idle/outputs"));
       }},
      {"RevealOutputs", "", Effect::kNothing,
       [](Client& c, const World&) {
         return Ask(c, &Stub::RevealOutputs, Named<v1::RevealOutputsRequest>("stacks/idle/outputs"));
       }},
      {"GetRun", "", Effect::kNothing,
       [](Client& c, const World& w) { return Ask(c, &Stub::GetRun, Named<v1::GetRunRequest>(w.failed)); }},
      {"ListRuns", "", Effect::kNothing,
       [](Client& c, const World&) {
         return Ask(c, &Stub::ListRuns, Of<v1::ListRunsRequest>([](auto* r) { r->set_parent("stacks/-"); }));
       }},
      {"GetPlan", "", Effect::kNothing,
       [](Client& c, const World& w) {
         return Ask(c, &Stub::GetPlan, Named<v1::GetPlanRequest>(w.waiting + "/plan"));
       }},
      {"WatchRun", "", Effect::kNothing,
       [](Client& c, const World& w) {
         grpc::ClientContext context;
         c.Prepare(&context);
         const auto reader = c.stub().WatchRun(&context, Named<v1::WatchRunRequest>(w.failed));
         v1::RunEvent event;
         while (reader->Read(&event)) continue;
         return rpc::FromGrpc(reader->Finish());
       }},
      {"ListStateVersions", "", Effect::kNothing,
       [](Client& c, const World&) {
         return Ask(c, &Stub::ListStateVersions,
                    Of<v1::ListStateVersionsRequest>([](auto* r) { r->set_parent("stacks/idle"); }));
       }},
      {"GetStateVersion", "", Effect::kNothing,
       [](Client& c, const World&) {
         return Ask(c, &Stub::GetStateVersion, Named<v1::GetStateVersionRequest>("stacks/idle/stateVersions/1"));
       }},
      {"DownloadState", "", Effect::kNothing,
       [](Client& c, const World&) {
         return Ask(c, &Stub::DownloadState, Named<v1::DownloadStateRequest>("stacks/idle/stateVersions/1"));
       }},
      {"GetQuota", "", Effect::kNothing,
       [](Client& c, const World&) { return Ask(c, &Stub::GetQuota, Named<v1::GetQuotaRequest>("quota")); }},
      // Who sets what opens a provider has edited the stack.
      {"UpdateCredential", "", Effect::kSettings,
       [](Client& c, const World&) {
         v1::UpdateCredentialRequest request;
         request.mutable_credential()->set_name("stacks/idle/credentials/digitalocean");
         (*request.mutable_credential()->mutable_variables())["DIGITALOCEAN_TOKEN"] = "dop_v1_secret";
         request.set_allow_missing(true);
         return c.Call(c.credentials(), &CredentialStub::UpdateCredential, request).status();
       }},
      {"GetCredential", "", Effect::kNothing,
       [](Client& c, const World&) {
         const auto request = Named<v1::GetCredentialRequest>("credentials/digitalocean");
         return c.Call(c.credentials(), &CredentialStub::GetCredential, request).status();
       }},
      {"ListCredentials", "", Effect::kNothing,
       [](Client& c, const World&) {
         return c.Call(c.credentials(), &CredentialStub::ListCredentials, v1::ListCredentialsRequest()).status();
       }},
      {"DeleteCredential", "", Effect::kNothing,
       [](Client& c, const World&) {
         const auto request = Named<v1::DeleteCredentialRequest>("credentials/digitalocean");
         return c.Call(c.credentials(), &CredentialStub::DeleteCredential, request).status();
       }},
      {"ListAuditEvents", "", Effect::kNothing,
       [](Client& c, const World& w) {
         return c.Call(*w.audit, &AuditStub::ListAuditEvents, v1::ListAuditEventsRequest()).status();
       }},
      {"ListOperations", "", Effect::kNothing,
       [](Client& c, const World&) {
         return c.Call(c.operations(), &OperationsStub::ListOperations, google::longrunning::ListOperationsRequest())
             .status();
       }},
      {"GetOperation", "", Effect::kNothing,
       [](Client& c, const World& w) { return c.GetOperation(OperationOf(w.failed)).status(); }},
      {"WaitOperation", "", Effect::kNothing,
       [](Client& c, const World& w) {
         return c
             .Call(c.operations(), &OperationsStub::WaitOperation,
                   Named<google::longrunning::WaitOperationRequest>(OperationOf(w.failed)))
             .status();
       }},
      {"DeleteOperation", "", Effect::kNothing,
       [](Client& c, const World& w) {
         return c
             .Call(c.operations(), &OperationsStub::DeleteOperation,
                   Named<google::longrunning::DeleteOperationRequest>(OperationOf(w.waiting)))
             .status();
       }},

      {"CreateStack", "beside", Effect::kSettings,
       [](Client& c, const World&) { return c.CreateNote("beside").status(); }},
      {"CreateStack", "a name that is taken", Effect::kNothing,
       [](Client& c, const World&) { return c.CreateNote("idle").status(); }},
      {"ApplyModule", "update", Effect::kRun, [](Client& c, const World&) { return Apply(c, "idle"); },
       "stratus/stacks.update"},
      {"ApplyModule", "create", Effect::kSettings, [](Client& c, const World&) { return Apply(c, "beside"); },
       "stratus/stacks.create"},
      {"DestroyModule", "", Effect::kRun,
       [](Client& c, const World&) {
         v1::DestroyModuleRequest request;
         request.set_module("note");
         request.set_stack("idle");
         grpc::ClientContext context;
         context.AddMetadata("prefer", "wait=0");
         return c.Call(c.modules(), &ModulesStub::DestroyModule, request, &context).status();
       }},
      {"DeleteStack", "", Effect::kRun,
       [](Client& c, const World&) {
         return Ask(c, &Stub::DeleteStack, Named<v1::DeleteStackRequest>("stacks/idle"));
       }},
      {"UpdateStack", "variables", Effect::kRun,
       [](Client& c, const World&) {
         return Update(c, "variables", [](v1::Stack* s) { SetNote(s->mutable_variables(), "changed"); });
       }},
      {"UpdateStack", "labels", Effect::kSettings,
       [](Client& c, const World&) { return Update(c, "labels", [](v1::Stack* s) { (*s->mutable_labels())["a"]; }); }},
      {"UpdateStack", "an expiry, which waits as a deletion does", Effect::kSettings,
       [](Client& c, const World&) {
         return Update(c, "ttl", [](v1::Stack* s) { s->mutable_ttl()->set_seconds(60); });
       }},
      {"UpdateStack", "a tighter policy", Effect::kSettings,
       [](Client& c, const World&) {
         return Update(c, "approval_policy", [](v1::Stack* s) { s->set_approval_policy(v1::APPROVAL_POLICY_MANUAL); });
       }},
      {"UpdateStack", "the loosest policy", Effect::kAtOnce,
       [](Client& c, const World&) {
         return Update(c, "approval_policy", [](v1::Stack* s) { s->set_approval_policy(v1::APPROVAL_POLICY_AUTO); });
       }},
      {"UpdateStack", "no policy", Effect::kAtOnce,
       [](Client& c, const World&) { return Update(c, "approval_policy", [](v1::Stack*) {}); }},
      {"UpdateStack", "a trial", Effect::kNothing,
       [](Client& c, const World&) {
         v1::UpdateStackRequest request;
         request.mutable_stack()->set_name("stacks/idle");
         SetNote(request.mutable_stack()->mutable_variables(), "changed");
         request.mutable_update_mask()->add_paths("variables");
         request.set_validate_only(true);
         return Ask(c, &Stub::UpdateStack, request);
       }},
      {"LockStack", "", Effect::kSettings,
       [](Client& c, const World&) { return Ask(c, &Stub::LockStack, Named<v1::LockStackRequest>("stacks/idle")); }},
      {"UnlockStack", "another one's hold", Effect::kNothing,
       [](Client& c, const World&) {
         return Ask(c, &Stub::UnlockStack, Named<v1::UnlockStackRequest>("stacks/held"));
       }},
      {"UnlockStack", "by force", Effect::kSettings,
       [](Client& c, const World&) {
         auto request = Named<v1::UnlockStackRequest>("stacks/held");
         request.set_force(true);
         return Ask(c, &Stub::UnlockStack, request);
       },
       "stratus/stacks.forceUnlock"},
      {"CheckDrift", "", Effect::kRun,
       [](Client& c, const World&) { return Ask(c, &Stub::CheckDrift, Named<v1::CheckDriftRequest>("stacks/idle")); }},
      {"CreateRun", "apply", Effect::kRun,
       [](Client& c, const World&) { return NewRun(c, v1::RUN_KIND_APPLY, v1::APPROVAL_POLICY_UNSPECIFIED); }},
      {"CreateRun", "destroy", Effect::kRun,
       [](Client& c, const World&) { return NewRun(c, v1::RUN_KIND_DESTROY, v1::APPROVAL_POLICY_UNSPECIFIED); }},
      {"CreateRun", "that does not wait", Effect::kAtOnce,
       [](Client& c, const World&) { return NewRun(c, v1::RUN_KIND_APPLY, v1::APPROVAL_POLICY_AUTO); }},
      {"RetryRun", "", Effect::kRun,
       [](Client& c, const World& w) { return Ask(c, &Stub::RetryRun, Named<v1::RetryRunRequest>(w.failed)); }},
      {"ApproveRun", "", Effect::kApproval,
       [](Client& c, const World& w) {
         auto request = Named<v1::ApproveRunRequest>(w.waiting);
         request.set_plan_hash("hash");
         return Ask(c, &Stub::ApproveRun, request);
       }},
      {"ApproveRun", "another plan", Effect::kNothing,
       [](Client& c, const World& w) {
         auto request = Named<v1::ApproveRunRequest>(w.waiting);
         request.set_plan_hash("another");
         return Ask(c, &Stub::ApproveRun, request);
       }},
      {"DiscardRun", "", Effect::kSettings,
       [](Client& c, const World& w) { return Ask(c, &Stub::DiscardRun, Named<v1::DiscardRunRequest>(w.waiting)); }},
      {"CancelRun", "", Effect::kSettings,
       [](Client& c, const World& w) { return Ask(c, &Stub::CancelRun, Named<v1::CancelRunRequest>(w.waiting)); }},
      {"ForceCancelRun", "that was not cancelled", Effect::kNothing,
       [](Client& c, const World& w) {
         return Ask(c, &Stub::ForceCancelRun, Named<v1::ForceCancelRunRequest>(w.waiting));
       }},
      {"CancelOperation", "", Effect::kSettings,
       [](Client& c, const World& w) {
         return c
             .Call(c.operations(), &OperationsStub::CancelOperation,
                   Named<google::longrunning::CancelOperationRequest>(OperationOf(w.waiting)))
             .status();
       }},
      {"RollBackState", "", Effect::kAtOnce,
       [](Client& c, const World&) {
         auto request = Named<v1::RollBackStateRequest>("stacks/idle");
         request.set_state_version("stacks/idle/stateVersions/1");
         return Ask(c, &Stub::RollBackState, request);
       }},
  };
  return rows;
}

}  // namespace stratus::provisioning::service::testing
