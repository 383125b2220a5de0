// Stacks over a real server and store: creating, changing, deleting, locking, and everything that is refused.
#include <gmock/gmock.h>

#include "google/protobuf/empty.pb.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/log.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/service/api/testing/api_fixture.h"

namespace stratus::provisioning::service {
namespace {

using Stub = v1::ProvisioningService::Stub;
using testing::Client;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::UidOf;
using ::testing::UnorderedElementsAre;
using Code = absl::StatusCode;

std::vector<std::string> ViolatedFields(const absl::Status& status) {
  google::rpc::BadRequest details;
  std::vector<std::string> fields;
  if (core::GetDetail(status, &details)) {
    for (const auto& violation : details.field_violations()) fields.push_back(violation.field());
  }
  return fields;
}

class StacksTest : public testing::ApiFixture {
 protected:
  void SetUp() override { Start(); }

  v1::CreateStackRequest Note(const std::string& id) {
    v1::CreateStackRequest request;
    request.set_stack_id(id);
    request.mutable_stack()->set_module("modules/note");
    Variable(&request, "text").set_string_value("hello");
    return request;
  }
  static google::protobuf::Value& Variable(v1::CreateStackRequest* request, const std::string& name) {
    return (*request->mutable_stack()->mutable_variables()->mutable_fields())[name];
  }
  absl::StatusOr<google::longrunning::Operation> Create(Client& client, const v1::CreateStackRequest& request) {
    return client.Call(client.stub(), &Stub::CreateStack, request);
  }
  absl::StatusOr<google::longrunning::Operation> Update(Client& client, const std::string& id,
                                                        const std::vector<std::string>& paths, v1::Stack stack) {
    v1::UpdateStackRequest request;
    stack.set_name("stacks/" + id);
    *request.mutable_stack() = std::move(stack);
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    return client.Call(client.stub(), &Stub::UpdateStack, request);
  }
  absl::StatusOr<google::longrunning::Operation> Delete(Client& client, const std::string& id,
                                                        const std::string& etag = "") {
    v1::DeleteStackRequest request;
    request.set_name("stacks/" + id);
    request.set_etag(etag);
    return client.Call(client.stub(), &Stub::DeleteStack, request);
  }
  // A stack that has been applied.
  void Ready(Client& client, const std::string& id) {
    const auto operation = client.CreateNote(id);
    ASSERT_TRUE(operation.ok()) << operation.status();
    End(UidOf(*operation), v1::RUN_STATUS_APPLIED);
  }
};

TEST_F(StacksTest, CreatingQueuesARunAndEndsWithTheStack) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  ASSERT_TRUE(operation.ok()) << operation.status();
  EXPECT_FALSE(operation->done());
  const v1::OperationMetadata metadata = testing::MetadataOf(*operation);
  EXPECT_EQ(metadata.stack(), "stacks/first");
  const auto run = ann.GetRun(metadata.run());
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->status(), v1::RUN_STATUS_PENDING);
  EXPECT_EQ(run->creator(), "clients/ann");
  EXPECT_EQ(run->created_by().issuer(), "https://issuer");
  EXPECT_EQ(run->approval_policy(), v1::APPROVAL_POLICY_AUTO);
  EXPECT_EQ(ann.GetStack("first")->state(), v1::Stack::STATE_BUSY);

  End(UidOf(*operation), v1::RUN_STATUS_APPLIED, R"({"greeting":{"value":"hi","type":"string","sensitive":false}})");
  const auto ended = ann.GetOperation(operation->name());
  ASSERT_TRUE(ended.ok()) << ended.status();
  v1::Stack stack;
  ASSERT_TRUE(ended->done() && ended->response().UnpackTo(&stack)) << ended->DebugString();
  EXPECT_EQ(stack.state(), v1::Stack::STATE_READY);
  EXPECT_EQ(stack.uid().size(), 20u);
}

TEST_F(StacksTest, AFailedRunIsTheOperationsErrorAndTheStackStays) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  End(UidOf(*operation), v1::RUN_STATUS_ERRORED, "{}", "the engine says no");
  const auto ended = ann.GetOperation(operation->name());
  ASSERT_TRUE(ended.ok() && ended->done());
  EXPECT_THAT(ended->error().message(), HasSubstr("the engine says no"));
  EXPECT_EQ(ann.GetStack("first")->state(), v1::Stack::STATE_FAILED);
}

TEST_F(StacksTest, TellsOfEveryBadVariableAtOnceAndStartsNothing) {
  Client ann = ClientOf("ann");
  v1::CreateStackRequest request = Note("bad");
  request.mutable_stack()->mutable_variables()->mutable_fields()->erase("text");
  Variable(&request, "copies").set_string_value("5");
  Variable(&request, "tetx").set_string_value("x");
  auto& rule = *Variable(&request, "rules").mutable_list_value()->add_values()->mutable_struct_value();
  (*rule.mutable_fields())["port"].set_bool_value(true);
  const auto operation = Create(ann, request);
  EXPECT_EQ(operation.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(ViolatedFields(operation.status()),
              UnorderedElementsAre("variables.text", "variables.copies", "variables.tetx", "variables.rules[0].port"));
  EXPECT_THAT(std::string(operation.status().message()), HasSubstr("did you mean text?"));
  EXPECT_EQ(ann.GetStack("bad").status().code(), Code::kNotFound);
}

TEST_F(StacksTest, AnUnknownModuleIsNotFoundWithNearNames) {
  Client ann = ClientOf("ann");
  v1::CreateStackRequest request = Note("x");
  request.mutable_stack()->set_module("modules/nite");
  const auto operation = Create(ann, request);
  EXPECT_EQ(operation.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(operation.status().message()), HasSubstr("did you mean note?"));
}

TEST_F(StacksTest, ANameIsTakenOnce) {
  Client ann = ClientOf("ann");
  ASSERT_TRUE(ann.CreateNote("first").ok());
  EXPECT_EQ(ann.CreateNote("first").status().code(), Code::kAlreadyExists);
}

TEST_F(StacksTest, RefusesMalformedNamesLabelsAndTimes) {
  Client ann = ClientOf("ann");
  v1::CreateStackRequest request = Note("Bad_Name");
  (*request.mutable_stack()->mutable_labels())["UPPER"] = "x";
  request.mutable_stack()->mutable_ttl()->set_seconds(5);
  request.mutable_stack()->mutable_drift_interval()->set_seconds(1);
  EXPECT_THAT(ViolatedFields(Create(ann, request).status()),
              UnorderedElementsAre("stack_id", "stack.labels.UPPER", "stack.ttl", "stack.drift_interval"));
}

TEST_F(StacksTest, SensitiveVariablesGoInAndNeverComeOut) {
  Client ann = ClientOf("ann");
  std::string log;
  core::Mutex mutex;
  core::SetLogSink([&](std::string_view line) {
    core::MutexLock lock(mutex);
    log.append(line);
  });
  v1::CreateStackRequest request = Note("secretive");
  request.set_request_id("once");
  Variable(&request, "secret").set_string_value("hush-hush");
  const auto operation = Create(ann, request);
  ASSERT_TRUE(operation.ok()) << operation.status();
  const auto stack = ann.GetStack("secretive");
  ASSERT_TRUE(stack.ok());
  EXPECT_THAT(stack->DebugString(), Not(HasSubstr("hush-hush")));
  EXPECT_THAT(stack->sensitive_variables(), ElementsAre("secret"));
  EXPECT_EQ(stack->variables().fields().at("text").string_value(), "hello");
  core::SetLogSink(nullptr);
  core::MutexLock lock(mutex);
  EXPECT_THAT(log, HasSubstr("\"method\":\"CreateStack\""));
  EXPECT_THAT(log, Not(HasSubstr("hush-hush")));
}

TEST_F(StacksTest, WhatBecomesSensitiveIsHiddenFromThenOn) {
  Client ann = ClientOf("ann");
  ASSERT_TRUE(ann.CreateNote("first", "hush-hush").ok());
  ASSERT_EQ(ann.GetStack("first")->variables().fields().at("text").string_value(), "hush-hush");
  for (v1::Variable& variable : *modules_.at("note").module.mutable_variables()) {
    if (variable.name() == "text") variable.set_sensitive(true);
  }
  const auto stack = ann.GetStack("first");
  ASSERT_TRUE(stack.ok()) << stack.status();
  EXPECT_THAT(stack->DebugString(), Not(HasSubstr("hush-hush")));
  EXPECT_THAT(stack->sensitive_variables(), ElementsAre("text"));
}

TEST_F(StacksTest, AUpdateOfOneVariableKeepsTheOthersSecretsToo) {
  Client ann = ClientOf("ann");
  v1::CreateStackRequest request = Note("first");
  Variable(&request, "secret").set_string_value("hush-hush");
  ASSERT_TRUE(Create(ann, request).ok());
  v1::Stack change;
  (*change.mutable_variables()->mutable_fields())["text"].set_string_value("bye");
  const auto operation = Update(ann, "first", {"variables.text"}, change);
  ASSERT_TRUE(operation.ok()) << operation.status();
  EXPECT_FALSE(operation->done());
  const auto stack = ann.GetStack("first");
  EXPECT_EQ(stack->variables().fields().at("text").string_value(), "bye");
  EXPECT_THAT(stack->sensitive_variables(), ElementsAre("secret"));
}

TEST_F(StacksTest, AnUpdateWithoutVariablesIsDoneAtOnce) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  v1::Stack change;
  change.set_protected_(true);
  (*change.mutable_labels())["env"] = "prod";
  const auto operation = Update(ann, "first", {"protected", "labels.env"}, change);
  ASSERT_TRUE(operation.ok()) << operation.status();
  EXPECT_TRUE(operation->done());
  const auto stack = ann.GetStack("first");
  EXPECT_TRUE(stack->protected_());
  EXPECT_EQ(stack->labels().at("env"), "prod");
  EXPECT_EQ(stack->state(), v1::Stack::STATE_READY);
}

TEST_F(StacksTest, RefusesAStaleEtagAndAnUnknownPath) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  v1::Stack change;
  change.set_etag("stale");
  EXPECT_EQ(Update(ann, "first", {"protected"}, change).status().code(), Code::kAborted);
  const auto unknown = Update(ann, "first", {"protcted"}, {});
  EXPECT_THAT(ViolatedFields(unknown.status()), ElementsAre("update_mask"));
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("did you mean protected?"));
  EXPECT_THAT(ViolatedFields(Update(ann, "first", {}, {}).status()), ElementsAre("update_mask"));
}

TEST_F(StacksTest, ValidateOnlyLeavesNoTrace) {
  Client ann = ClientOf("ann");
  v1::CreateStackRequest request = Note("trial");
  request.set_validate_only(true);
  const auto operation = Create(ann, request);
  ASSERT_TRUE(operation.ok()) << operation.status();
  EXPECT_TRUE(operation->done());
  EXPECT_EQ(ann.GetStack("trial").status().code(), Code::kNotFound);
}

TEST_F(StacksTest, DeletingDestroysAndEndsEmpty) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  const auto operation = Delete(ann, "first", ann.GetStack("first")->etag());
  ASSERT_TRUE(operation.ok()) << operation.status();
  EXPECT_EQ(testing::MetadataOf(*operation).kind(), v1::RUN_KIND_DESTROY);
  End(UidOf(*operation), v1::RUN_STATUS_APPLIED);
  EXPECT_EQ(ann.GetStack("first").status().code(), Code::kNotFound);
  const auto ended = ann.GetOperation(operation->name());
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_TRUE(ended->done() && ended->response().Is<google::protobuf::Empty>()) << ended->DebugString();
}

TEST_F(StacksTest, RefusesToDeleteWhatIsBusyStaleOrProtected) {
  Client ann = ClientOf("ann");
  ASSERT_TRUE(ann.CreateNote("busy").ok());
  EXPECT_EQ(Delete(ann, "busy").status().code(), Code::kAborted);
  Ready(ann, "first");
  EXPECT_EQ(Delete(ann, "first", "stale").status().code(), Code::kAborted);
  v1::Stack change;
  change.set_protected_(true);
  ASSERT_TRUE(Update(ann, "first", {"protected"}, change).ok());
  EXPECT_EQ(Delete(ann, "first").status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(Delete(ann, "none").status().code(), Code::kNotFound);
  v1::DeleteStackRequest missing;
  missing.set_name("stacks/none");
  missing.set_allow_missing(true);
  EXPECT_TRUE(ann.Call(ann.stub(), &Stub::DeleteStack, missing)->done());
}

TEST_F(StacksTest, TheSameRequestIdGetsTheSameAnswer) {
  Client ann = ClientOf("ann");
  const auto first = ann.CreateNote("first", "hello", "id-1");
  const auto again = ann.CreateNote("first", "hello", "id-1");
  ASSERT_TRUE(first.ok() && again.ok()) << again.status();
  EXPECT_EQ(first->name(), again->name());
  const auto misused = ann.CreateNote("first", "bye", "id-1");
  EXPECT_EQ(misused.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(ViolatedFields(misused.status()), ElementsAre("request_id"));
  EXPECT_EQ(ClientOf("bob").CreateNote("first", "bye", "id-1").status(), absl::OkStatus());
}

TEST_F(StacksTest, TheIdempotencyKeyHeaderDoesWhatRequestIdDoes) {
  Client ann = ClientOf("ann");
  std::string name;
  for (int i = 0; i < 2; ++i) {
    grpc::ClientContext context;
    context.AddMetadata("idempotency-key", "\"key-1\"");
    const auto operation = ann.Call(ann.stub(), &Stub::CreateStack, Note("first"), &context);
    ASSERT_TRUE(operation.ok()) << operation.status();
    if (i == 0) name = operation->name();
    EXPECT_EQ(operation->name(), name);
  }
  grpc::ClientContext context;
  context.AddMetadata("idempotency-key", "another one");
  EXPECT_THAT(ViolatedFields(ann.Call(ann.stub(), &Stub::CreateStack, Note("second"), &context).status()),
              ElementsAre("Idempotency-Key"));
}

TEST_F(StacksTest, ALockIsItsHoldersAndEndsByForce) {
  Client ann = ClientOf("acme/ann");
  Client bob = ClientOf("acme/bob");
  Ready(ann, "first");
  v1::LockStackRequest lock;
  lock.set_name("stacks/first");
  lock.set_reason("hands off");
  const auto held = ann.Call(ann.stub(), &Stub::LockStack, lock);
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(held->lock().holder(), "users/ann");
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::LockStack, lock).status().code(), Code::kAborted);
  v1::UnlockStackRequest unlock;
  unlock.set_name("stacks/first");
  EXPECT_EQ(bob.Call(bob.stub(), &Stub::UnlockStack, unlock).status().code(), Code::kFailedPrecondition);
  unlock.set_force(true);
  Client weak = ClientOf("acme/bob:stratus/stacks.lock");
  EXPECT_EQ(weak.Call(weak.stub(), &Stub::UnlockStack, unlock).status().code(), Code::kPermissionDenied);
  const auto released = bob.Call(bob.stub(), &Stub::UnlockStack, unlock);
  ASSERT_TRUE(released.ok()) << released.status();
  EXPECT_FALSE(released->has_lock());
}

TEST_F(StacksTest, AUserAndAClientOfOneNameAreTwoHolders) {
  Client client = ClientOf("dev");
  Client user = ClientOf("dev/dev");
  Ready(client, "first");
  v1::LockStackRequest lock;
  lock.set_name("stacks/first");
  ASSERT_TRUE(client.Call(client.stub(), &Stub::LockStack, lock).ok());
  v1::UnlockStackRequest unlock;
  unlock.set_name("stacks/first");
  EXPECT_EQ(user.Call(user.stub(), &Stub::UnlockStack, unlock).status().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(client.Call(client.stub(), &Stub::UnlockStack, unlock).ok());
}

TEST_F(StacksTest, ALockedStacksRunsWaitAndABusyStackIsNotLocked) {
  Client ann = ClientOf("ann");
  Ready(ann, "first");
  v1::LockStackRequest lock;
  lock.set_name("stacks/first");
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::LockStack, lock).ok());
  v1::CheckDriftRequest check;
  check.set_name("stacks/first");
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::CheckDrift, check).ok());
  EXPECT_FALSE(store_->ClaimRun({}, absl::Minutes(1))->has_value());
  v1::UnlockStackRequest unlock;
  unlock.set_name("stacks/first");
  ASSERT_TRUE(ann.Call(ann.stub(), &Stub::UnlockStack, unlock).ok());
  Claim();
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::LockStack, lock).status().code(), Code::kAborted);
}

TEST_F(StacksTest, OutputsAreMaskedUnlessRevealed) {
  Client ann = ClientOf("ann");
  const auto operation = ann.CreateNote("first");
  End(UidOf(*operation), v1::RUN_STATUS_APPLIED,
      R"({"greeting":{"value":"hi","sensitive":false},"key":{"value":"hush","sensitive":true}})");
  v1::GetOutputsRequest get;
  get.set_name("stacks/first/outputs");
  const auto masked = ann.Call(ann.stub(), &Stub::GetOutputs, get);
  ASSERT_TRUE(masked.ok()) << masked.status();
  EXPECT_EQ(masked->values().fields().at("greeting").string_value(), "hi");
  EXPECT_TRUE(masked->values().fields().at("key").has_null_value());
  EXPECT_THAT(masked->sensitive(), ElementsAre("key"));
  v1::RevealOutputsRequest reveal;
  reveal.set_name("stacks/first/outputs");
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::RevealOutputs, reveal)->values().fields().at("key").string_value(), "hush");
  Client reader = ClientOf("ann:stratus/stacks.read");
  EXPECT_EQ(reader.Call(reader.stub(), &Stub::RevealOutputs, reveal).status().code(), Code::kPermissionDenied);
}

TEST_F(StacksTest, ListsModulesAndStacksByPages) {
  Client ann = ClientOf("ann");
  v1::ListModulesRequest modules;
  modules.set_page_size(1);
  auto page = ann.Call(ann.stub(), &Stub::ListModules, modules);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->modules(0).name(), "modules/droplet");
  modules.set_page_token(page->next_page_token());
  page = ann.Call(ann.stub(), &Stub::ListModules, modules);
  EXPECT_EQ(page->modules(0).name(), "modules/note");
  EXPECT_EQ(page->next_page_token(), "");

  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(ann.CreateNote(id).ok());
  v1::ListStacksRequest stacks;
  stacks.set_page_size(2);
  const auto listed = ann.Call(ann.stub(), &Stub::ListStacks, stacks);
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_EQ(listed->stacks_size(), 2);
  EXPECT_EQ(listed->stacks(0).name(), "stacks/a");
  EXPECT_NE(listed->next_page_token(), "");
  stacks.set_page_size(-1);
  EXPECT_THAT(ViolatedFields(ann.Call(ann.stub(), &Stub::ListStacks, stacks).status()), ElementsAre("page_size"));
}

class BareStacksTest : public StacksTest {
 protected:
  void SetUp() override {}
};

TEST_F(BareStacksTest, WithoutTheProvidersCredentialsItSaysWhichVariableToSet) {
  credentials_.clear();
  Start();
  Client ann = ClientOf("ann");
  v1::CreateStackRequest request;
  request.set_stack_id("first");
  request.mutable_stack()->set_module("modules/droplet");
  for (const char* name : {"image", "name", "region", "size"}) Variable(&request, name).set_string_value("x");
  const auto operation = Create(ann, request);
  EXPECT_EQ(operation.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(operation.status().message()), HasSubstr("DIGITALOCEAN_API_TOKEN"));
}

TEST_F(BareStacksTest, QuotasAreEachTenantsOwn) {
  settings_.quota.stacks_max = 2;
  settings_.quota.queued_runs_max = 3;
  Start();
  Client ann = ClientOf("ann");
  ASSERT_TRUE(ann.CreateNote("a").ok());
  ASSERT_TRUE(ann.CreateNote("b").ok());
  const auto third = ann.CreateNote("c");
  EXPECT_EQ(third.status().code(), Code::kResourceExhausted);
  google::rpc::QuotaFailure failure;
  ASSERT_TRUE(core::GetDetail(third.status(), &failure));
  EXPECT_EQ(failure.violations(0).subject(), "tenant:ann");
  v1::CheckDriftRequest check;
  check.set_name("stacks/a");
  EXPECT_TRUE(ann.Call(ann.stub(), &Stub::CheckDrift, check).ok());
  EXPECT_EQ(ann.Call(ann.stub(), &Stub::CheckDrift, check).status().code(), Code::kResourceExhausted);
  v1::GetQuotaRequest get;
  get.set_name("quota");
  const auto quota = ann.Call(ann.stub(), &Stub::GetQuota, get);
  ASSERT_TRUE(quota.ok()) << quota.status();
  EXPECT_EQ(quota->stacks_used(), 2);
  EXPECT_EQ(quota->queued_runs_used(), 3);
  EXPECT_TRUE(ClientOf("bob").CreateNote("a").ok());
}

}  // namespace
}  // namespace stratus::provisioning::service
