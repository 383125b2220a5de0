// Every method x every single scope x every policy: who gets in, and that nobody who may not approve does anything that
// an approval is about. A method without a row here fails the test: whoever adds one says what it may do.
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/approval.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/service/api/testing/api_fixture.h"
#include "services/provisioning/service/api/testing/approval_matrix.h"
#include "stratus/auth/v1/authorization.pb.h"
#include "stratus/provisioning/v1/audit.grpc.pb.h"

namespace stratus::provisioning::service {
namespace {

using Stub = v1::ProvisioningService::Stub;
using AuditStub = v1::AuditService::Stub;
using testing::Ask;
using testing::Client;
using testing::Effect;
using testing::Named;
using testing::Row;
using testing::Rows;
using testing::SetNote;
using testing::World;
using Code = absl::StatusCode;

constexpr v1::ApprovalPolicy kPolicies[] = {v1::APPROVAL_POLICY_AUTO, v1::APPROVAL_POLICY_MANUAL_ON_DESTROY,
                                            v1::APPROVAL_POLICY_MANUAL};

// By the bare name: the scopes that let a caller in.
std::map<std::string, std::set<std::string>> Methods() {
  std::map<std::string, std::set<std::string>> methods;
  for (const auto* file :
       {v1::ListStacksRequest::descriptor()->file(), v1::AuditEvent::descriptor()->file(),
        v1::Credential::descriptor()->file(), google::longrunning::Operation::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const auto& method = *file->service(i)->method(j);
        const auto& option = method.options().GetExtension(auth::v1::authorization);
        methods[method.name()] = {option.any_scope().begin(), option.any_scope().end()};
        EXPECT_FALSE(option.public_()) << method.full_name();
      }
    }
  }
  // google.longrunning.Operations carries no option: auth::BuiltInRules() stands for it.
  for (const char* read : {"GetOperation", "ListOperations", "WaitOperation", "DeleteOperation"}) {
    methods[read] = {"stratus/operations.read"};
  }
  methods["CancelOperation"] = {"stratus/runs.cancel"};
  return methods;
}

class ApprovalMatrixTest : public testing::ApiFixture {
 protected:
  void SetUp() override {
    Start();
    audit_ = v1::AuditService::NewStub(grpc::CreateChannel(service_address(), grpc::InsecureChannelCredentials()));
  }

  void Make(const World& world, const std::string& id) {
    Client ann = ClientOf(world.tenant + "/ann");
    v1::CreateStackRequest request;
    request.set_stack_id(id);
    request.mutable_stack()->set_module("modules/note");
    request.mutable_stack()->set_approval_policy(world.policy);
    SetNote(request.mutable_stack()->mutable_variables(), "hello");
    const auto made = ann.Call(ann.stub(), &Stub::CreateStack, request);
    ASSERT_TRUE(made.ok()) << made.status();
  }
  World NewWorld(v1::ApprovalPolicy policy) {
    World world{absl::StrCat("t", ++worlds_), policy, "", "", audit_.get()};
    for (const char* id : {"idle", "planned", "held"}) Make(world, id);
    const store::RunRow failed = OnlyOpenRun(world.tenant, "idle");
    End(failed.uid, v1::RUN_STATUS_ERRORED);
    world.failed = domain::RunNameOf("idle", failed.uid);
    WriteState(world.tenant, "idle", R"({"version":4,"serial":1,"lineage":"x"})");
    WriteState(world.tenant, "idle", R"({"version":4,"serial":2,"lineage":"x"})");
    const store::RunRow waiting = OnlyOpenRun(world.tenant, "planned");
    Plan(waiting.uid, "hash");
    world.waiting = domain::RunNameOf("planned", waiting.uid);
    End(OnlyOpenRun(world.tenant, "held").uid, v1::RUN_STATUS_APPLIED);
    Client ann = ClientOf(world.tenant + "/ann");
    EXPECT_TRUE(Ask(ann, &Stub::LockStack, Named<v1::LockStackRequest>("stacks/held")).ok());
    return world;
  }

  std::vector<store::RunRow> Open(const World& world, const std::string& stack) {
    std::vector<store::RunRow> open;
    store_
        ->Transact([&](store::Transaction& transaction) -> absl::Status {
          const auto row = transaction.GetStack(world.tenant, stack);
          if (!row.ok()) return row.status();
          auto runs = transaction.OpenRuns(row->uid);
          if (runs.ok()) open = *std::move(runs);
          return runs.status();
        })
        .IgnoreError();
    return open;
  }
  // All that an approval is about, and all else of the stacks and their open runs.
  std::string Picture(const World& world) {
    std::string picture;
    for (const char* id : {"idle", "planned", "held", "beside"}) {
      const auto stack = store_->GetStack(world.tenant, id);
      if (!stack.ok()) continue;
      absl::StrAppend(&picture, id, " ", stack->state_serial, " ", stack->record.ShortDebugString(), "\n");
      for (const store::RunRow& run : Open(world, id)) absl::StrAppend(&picture, run.record.ShortDebugString(), "\n");
    }
    return picture;
  }

  // What holds whoever has called, unless they may approve.
  void ExpectNothingApproved(const World& world, const std::string& what) {
    for (const char* id : {"idle", "planned"}) {
      const auto stack = store_->GetStack(world.tenant, id);
      ASSERT_TRUE(stack.ok()) << what << ": " << id << " is gone";
      EXPECT_FALSE(domain::IsLooser(stack->record.approval_policy(), world.policy)) << what;
      for (const store::RunRow& run : Open(world, id)) {
        EXPECT_FALSE(domain::IsLooser(run.record.approval_policy(), world.policy)) << what;
        EXPECT_NE(run.record.status(), v1::RUN_STATUS_CONFIRMED) << what;
      }
    }
    if (world.policy == v1::APPROVAL_POLICY_AUTO) return;
    EXPECT_EQ(store_->GetStack(world.tenant, "idle")->state_serial, 2) << what;
  }

  void ExpectEffect(const Row& row, const World& world, const std::string& before, const std::string& what) {
    const std::vector<store::RunRow> runs = Open(world, "idle");
    switch (row.effect) {
      case Effect::kNothing: EXPECT_EQ(Picture(world), before) << what; break;
      case Effect::kRun:
        ASSERT_EQ(runs.size(), 1u) << what;
        EXPECT_EQ(runs[0].record.approval_policy(), world.policy) << what;
        EXPECT_EQ(runs[0].record.status(), v1::RUN_STATUS_PENDING) << what;
        break;
      case Effect::kApproval:
        EXPECT_EQ(Open(world, "planned").at(0).record.status(), v1::RUN_STATUS_CONFIRMED) << what;
        return;
      case Effect::kSettings:
      case Effect::kAtOnce: EXPECT_NE(Picture(world), before) << what; break;
    }
    ExpectNothingApproved(world, what);
  }

  std::unique_ptr<AuditStub> audit_;
  int worlds_ = 0;
};

TEST_F(ApprovalMatrixTest, EveryMethodHasARow) {
  std::set<std::string> rows;
  for (const Row& row : Rows()) rows.insert(row.method);
  for (const auto& [method, scopes] : Methods()) {
    EXPECT_TRUE(rows.contains(method)) << method << ": say here what it may do";
    EXPECT_FALSE(scopes.empty()) << method;
    rows.erase(method);
  }
  EXPECT_TRUE(rows.empty()) << *rows.begin() << " is no method";
}

TEST_F(ApprovalMatrixTest, NoSingleScopeDoesWhatAnApprovalIsAbout) {
  const auto methods = Methods();
  std::set<std::string> scopes = {"stratus/stacks.abandon", "stratus/credentials.write", "stratus/nothing"};
  for (const auto& [method, own] : methods) scopes.insert(own.begin(), own.end());
  EXPECT_GE(scopes.size(), 19u);
  for (const v1::ApprovalPolicy policy : kPolicies) {
    const World untouched = NewWorld(policy);
    const std::string before = Picture(untouched);
    for (const Row& row : Rows()) {
      const std::set<std::string>& own = methods.at(row.method);
      for (const std::string& scope : scopes) {
        const std::string what =
            absl::StrCat(row.method, " ", row.what, " with ", scope, " under ", v1::ApprovalPolicy_Name(policy));
        const bool gets_in = own.contains(scope) && (row.also.empty() || row.also == scope);
        const bool may = gets_in && (row.effect != Effect::kAtOnce || policy == v1::APPROVAL_POLICY_AUTO);
        // Who changes something gets stacks that nobody has changed yet.
        const World world = may && row.effect != Effect::kNothing ? NewWorld(policy) : untouched;
        const std::string start = may && row.effect != Effect::kNothing ? Picture(world) : before;
        Client eve = ClientOf(absl::StrCat(world.tenant, "/eve:", scope));
        const absl::Status status = row.call(eve, world);
        if (may) {
          EXPECT_NE(status.code(), Code::kPermissionDenied) << what << status;
          if (row.effect != Effect::kNothing) {
            EXPECT_TRUE(status.ok()) << what << status;
          }
          ExpectEffect(row, world, start, what);
        } else {
          EXPECT_EQ(status.code(), Code::kPermissionDenied) << what << status;
          EXPECT_EQ(Picture(world), start) << what;
        }
      }
    }
  }
}

// The same with the scope to approve beside the method's own.
TEST_F(ApprovalMatrixTest, WhoMayApproveMayDoWhatHasTheSameEffect) {
  const auto methods = Methods();
  for (const v1::ApprovalPolicy policy : kPolicies) {
    for (const Row& row : Rows()) {
      if (row.effect != Effect::kAtOnce) continue;
      const World world = NewWorld(policy);
      const std::string before = Picture(world);
      Client ann =
          ClientOf(absl::StrCat(world.tenant, "/eve:", *methods.at(row.method).begin(), ",stratus/runs.approve"));
      const absl::Status status = row.call(ann, world);
      EXPECT_TRUE(status.ok()) << row.method << " " << row.what << status;
      EXPECT_NE(Picture(world), before) << row.method << " " << row.what;
    }
  }
}

}  // namespace
}  // namespace stratus::provisioning::service
