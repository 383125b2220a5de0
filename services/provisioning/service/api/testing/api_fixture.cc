#include "services/provisioning/service/api/testing/api_fixture.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/auth/authenticator.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/variables_json.h"
#include "services/provisioning/service/sealed_names.h"

namespace stratus::provisioning::service::testing {
namespace {

using google::longrunning::Operation;

// Believes `Bearer TENANT/PRINCIPAL:SCOPES`.
class BelievingAuthenticator final : public auth::Authenticator {
 public:
  auth::Outcome Check(absl::Span<const std::string_view> authorization, const auth::Policy& policy) override {
    using Class = auth::Outcome::Class;
    if (policy.kind == auth::Policy::Kind::kPublic) return {Class::kAllowed, nullptr, ""};
    if (authorization.empty()) return {Class::kNoToken, nullptr, "no token"};
    const std::string text(authorization[0].substr(std::min<size_t>(authorization[0].size(), 7)));
    const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
    const std::vector<std::string> who = absl::StrSplit(parts[0], absl::MaxSplits('/', 1));
    auto principal = std::make_shared<auth::Principal>();
    principal->issuer = "https://issuer";
    principal->tenant = principal->client_id = principal->subject = who[0];
    if (who.size() > 1) {
      principal->subject = who[1];
      principal->client_id = "app";
    }
    if (parts.size() > 1) {
      principal->scopes = absl::StrSplit(parts[1], ',', absl::SkipEmpty());
    } else {
      principal->scopes = policy.any_scope;
      for (const char* scope : {"stratus/stacks.create", "stratus/stacks.update", "stratus/stacks.lock",
                                "stratus/stacks.forceUnlock", "stratus/runs.approve"}) {
        principal->scopes.push_back(scope);
      }
    }
    std::sort(principal->scopes.begin(), principal->scopes.end());
    const bool allowed = policy.Allows(*principal);
    return {allowed ? Class::kAllowed : Class::kInsufficientScope, principal, ""};
  }
  void CheckLater(absl::Span<const std::string_view> authorization, const auth::Policy& policy,
                  std::function<void(auth::Outcome)> done) override {
    done(Check(authorization, policy));
  }
};

}  // namespace

void Client::Prepare(grpc::ClientContext* context) const {
  if (!token_.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  if (context->deadline() == std::chrono::system_clock::time_point::max()) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  }
}

absl::StatusOr<Operation> Client::CreateNote(const std::string& id, const std::string& text,
                                             const std::string& request_id) {
  v1::CreateStackRequest request;
  request.set_stack_id(id);
  request.set_request_id(request_id);
  request.mutable_stack()->set_module("modules/note");
  request.mutable_stack()->set_approval_policy(v1::APPROVAL_POLICY_AUTO);
  (*request.mutable_stack()->mutable_variables()->mutable_fields())["text"].set_string_value(text);
  return Call(stub(), &v1::ProvisioningService::Stub::CreateStack, request);
}

absl::StatusOr<v1::Stack> Client::GetStack(const std::string& id) {
  v1::GetStackRequest request;
  request.set_name(domain::StackName(id));
  return Call(stub(), &v1::ProvisioningService::Stub::GetStack, request);
}

absl::StatusOr<v1::Run> Client::GetRun(const std::string& name) {
  v1::GetRunRequest request;
  request.set_name(name);
  return Call(stub(), &v1::ProvisioningService::Stub::GetRun, request);
}

absl::StatusOr<Operation> Client::GetOperation(const std::string& name) {
  google::longrunning::GetOperationRequest request;
  request.set_name(name);
  return Call(operations(), &google::longrunning::Operations::Stub::GetOperation, request);
}

ApiFixture::ApiFixture(const std::string& database_url) : modules_(TestModules()) {
  std::string pattern = ::testing::TempDir() + "api-XXXXXX";
  folder_ = mkdtemp(pattern.data());
  const std::string url = database_url.empty() ? "sqlite:" + folder_ + "/store.db" : database_url;
  auto opened = store::Store::Open({.database_url = url, .replica = "test"});
  EXPECT_TRUE(opened.ok()) << opened.status();
  store_ = *std::move(opened);
  EXPECT_TRUE(store::CreateKeyFile(folder_ + "/keys").ok());
  auto keys = store::KeysFromFile(folder_ + "/keys");
  EXPECT_TRUE(keys.ok()) << keys.status();
  keys_ = *std::move(keys);
  sealer_ = std::make_unique<store::Sealer>(keys_.get());
}

ApiFixture::~ApiFixture() {
  if (server_ != nullptr) server_->Drain(absl::Seconds(5));
  if (api_ != nullptr) api_->Stop();
  api_.reset();
  store_.reset();
  std::filesystem::remove_all(folder_);
}

void ApiFixture::Start() {
  loaded_ = *Credentials::Load({"", credentials_, server_use_});
  ApiParts parts;
  parts.store = store_.get();
  parts.sealer = sealer_.get();
  audit_ = *AuditLog::Open(store_.get(), folder_ + "/audit.log", &core::Clock::Real());
  parts.audit = audit_.get();
  parts.modules = &modules_;
  parts.credentials = loaded_.get();
  parts.settings = settings_;
  auto api = Api::Create(parts);
  ASSERT_TRUE(api.ok()) << api.status();
  api_ = *std::move(api);
  rpc::ServerOptions options;
  options.listen = {*core::ParseAddress("127.0.0.1:0")};
  options.authenticator = std::make_shared<BelievingAuthenticator>();
  api_->AddTo(&options);
  auto server = rpc::Server::Start(std::move(options));
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  channel_ = grpc::CreateChannel(server_->addresses().front(), grpc::InsecureChannelCredentials());
}

int ApiFixture::OpenRuns(const std::string& tenant, const std::string& stack) {
  int count = 0;
  store_
      ->Transact([&](store::Transaction& transaction) -> absl::Status {
        const auto row = transaction.GetStack(tenant, stack);
        if (!row.ok()) return row.status();
        const auto open = transaction.OpenRuns(row->uid);
        count = open.ok() ? static_cast<int>(open->size()) : 0;
        return open.status();
      })
      .IgnoreError();
  return count;
}

store::RunRow ApiFixture::OnlyOpenRun(const std::string& tenant, const std::string& stack) {
  store::RunRow found;
  const absl::Status status = store_->Transact([&](store::Transaction& transaction) -> absl::Status {
    const auto row = transaction.GetStack(tenant, stack);
    if (!row.ok()) return row.status();
    const auto open = transaction.OpenRuns(row->uid);
    if (!open.ok()) return open.status();
    if (open->size() != 1) return absl::InternalError(absl::StrCat("there are ", open->size(), " open runs"));
    found = open->front();
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return found;
}

void ApiFixture::Plan(const std::string& run_uid, const std::string& plan_hash) {
  const absl::Status status = store_->Transact([&](store::Transaction& transaction) -> absl::Status {
    auto run = transaction.GetRun(run_uid);
    if (!run.ok()) return run.status();
    const auto stack = transaction.GetStackByUid(run->stack_uid);
    if (!stack.ok()) return stack.status();
    run->record.set_status(v1::RUN_STATUS_PLANNED);
    *run->record.mutable_start_time() = domain::ToProto(absl::Now());
    run->record.mutable_plan()->set_add(1);
    run->record.mutable_plan()->set_plan_hash(plan_hash);
    run->record.mutable_plan()->set_state_serial(stack->state_serial);
    return transaction.PutRun(&*run);
  });
  ASSERT_TRUE(status.ok()) << status;
}

store::RunRow ApiFixture::Claim() {
  const auto claimed = store_->ClaimRun({}, absl::Minutes(5));
  EXPECT_TRUE(claimed.ok() && claimed->has_value()) << claimed.status();
  return claimed.ok() && claimed->has_value() ? **claimed : store::RunRow();
}

void ApiFixture::End(const std::string& run_uid, v1::RunStatus to, const std::string& outputs_json,
                     const std::string& error) {
  const absl::Status status = store_->Transact([&](store::Transaction& transaction) -> absl::Status {
    auto run = transaction.GetRun(run_uid);
    if (!run.ok()) return run.status();
    auto stack = transaction.GetStackByUid(run->stack_uid);
    if (!stack.ok()) return stack.status();
    v1::RunEvent event;
    event.mutable_status_changed()->set_from(run->record.status());
    event.mutable_status_changed()->set_to(to);
    if (absl::Status appended = transaction.AppendEvents(&*run, {event}); !appended.ok()) return appended;
    run->record.set_status(to);
    *run->record.mutable_start_time() = run->record.create_time();
    *run->record.mutable_end_time() = domain::ToProto(absl::Now());
    if (!error.empty()) *run->record.mutable_error() = core::ToProto(absl::UnknownError(error));
    if (absl::Status put = transaction.PutRun(&*run); !put.ok()) return put;
    transaction.Notify(std::string(store::kTopicRun) + run_uid);
    if (run->deletes_stack && to == v1::RUN_STATUS_APPLIED) return transaction.DeleteStack(stack->uid);
    const auto sealed = sealer_->Seal(OutputsContext(stack->uid), outputs_json);
    if (!sealed.ok()) return sealed.status();
    if (to == v1::RUN_STATUS_APPLIED) stack->sealed_outputs = *sealed;
    stack->lease_run.clear();
    stack->lease_holder.clear();
    const auto open = transaction.OpenRuns(stack->uid);
    if (!open.ok()) return open.status();
    const auto settled = to == v1::RUN_STATUS_APPLIED ? v1::Stack::STATE_READY : v1::Stack::STATE_FAILED;
    stack->record.set_state(open->empty() ? settled : v1::Stack::STATE_BUSY);
    return transaction.PutStack(&*stack);
  });
  ASSERT_TRUE(status.ok()) << status;
}

void ApiFixture::WriteState(const std::string& tenant, const std::string& stack, const std::string& state) {
  const absl::Status status = store_->Transact([&](store::Transaction& transaction) -> absl::Status {
    auto row = transaction.GetStack(tenant, stack);
    if (!row.ok()) return row.status();
    store::StateVersionRow version;
    version.serial = ++row->state_serial;
    const auto sealed = sealer_->Seal(StateContext(row->uid, version.serial), state);
    if (!sealed.ok()) return sealed.status();
    version.sealed = *sealed;
    version.record.set_serial(version.serial);
    version.record.set_lineage("line");
    if (absl::Status inserted = transaction.InsertStateVersion(row->uid, version); !inserted.ok()) return inserted;
    return transaction.PutStack(&*row);
  });
  ASSERT_TRUE(status.ok()) << status;
}

void ApiFixture::AppendLog(const std::string& run_uid, const std::string& message) {
  const absl::Status status = store_->Transact([&](store::Transaction& transaction) -> absl::Status {
    auto run = transaction.GetRun(run_uid);
    if (!run.ok()) return run.status();
    v1::RunEvent event;
    event.mutable_log()->set_message(message);
    transaction.Notify(std::string(store::kTopicRun) + run_uid);
    return transaction.AppendEvents(&*run, {event});
  });
  ASSERT_TRUE(status.ok()) << status;
}

std::string UidOf(const Operation& operation) { return domain::ParseOperationName(operation.name()).value_or(""); }

v1::OperationMetadata MetadataOf(const Operation& operation) {
  v1::OperationMetadata metadata;
  EXPECT_TRUE(operation.metadata().UnpackTo(&metadata));
  return metadata;
}

}  // namespace stratus::provisioning::service::testing
