// The direct form over a real server and store.
#include <gmock/gmock.h>

#include <thread>

#include "services/provisioning/service/api/module_service.h"
#include "services/provisioning/service/api/testing/api_fixture.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::service {
namespace {

using Stub = v1::ModuleService::Stub;
using testing::Client;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class DirectTest : public testing::ApiFixture {
 protected:
  explicit DirectTest(const std::string& database_url = "") : ApiFixture(database_url) {}

  struct Answer {
    absl::StatusOr<v1::DirectReply> reply;
    std::string http_status, location, applied;
  };

  void SetUp() override {
    settings_.poll_interval = absl::Seconds(60);
    Start();
  }

  static std::string Header(const grpc::ClientContext& context, const char* name) {
    const auto& metadata = context.GetServerInitialMetadata();
    const auto at = metadata.find(name);
    return at == metadata.end() ? "" : std::string(at->second.data(), at->second.size());
  }
  static v1::ApplyModuleRequest Note(const std::string& text = "hello") {
    v1::ApplyModuleRequest request;
    request.set_module("note");
    (*request.mutable_variables()->mutable_fields())["text"].set_string_value(text);
    return request;
  }
  Answer Apply(Client& client, const v1::ApplyModuleRequest& request, const std::string& prefer = "") {
    grpc::ClientContext context;
    if (!prefer.empty()) context.AddMetadata("prefer", prefer);
    auto reply = client.Call(client.modules(), &Stub::ApplyModule, request, &context);
    return {std::move(reply), Header(context, "x-http-status"), Header(context, "location"),
            Header(context, "preference-applied")};
  }
  Answer Destroy(Client& client, const std::string& prefer = "", const std::string& stack = "") {
    grpc::ClientContext context;
    if (!prefer.empty()) context.AddMetadata("prefer", prefer);
    v1::DestroyModuleRequest request;
    request.set_module("note");
    request.set_stack(stack);
    auto reply = client.Call(client.modules(), &Stub::DestroyModule, request, &context);
    return {std::move(reply), Header(context, "x-http-status"), Header(context, "location"),
            Header(context, "preference-applied")};
  }
  // As the runtime would: claims the next run, and ends it.
  void RunNext(v1::RunStatus status = v1::RUN_STATUS_APPLIED, const std::string& error = "") {
    const store::RunRow run = Claim();
    End(run.uid, status, R"({"greeting":{"value":"hi","sensitive":false},"key":{"value":"x","sensitive":true}})",
        error);
  }
  // Runs whatever comes until `count` runs have ended, or `enough` says so.
  std::thread Runner(int count, const std::atomic<bool>* enough = nullptr) {
    return std::thread([this, count, enough] {
      for (int ended = 0; ended < count && (enough == nullptr || !*enough);) {
        const auto claimed = store_->ClaimRun({}, absl::Minutes(5));
        if (!claimed.ok() || !claimed->has_value()) {
          std::this_thread::yield();
          continue;
        }
        End((*claimed)->uid, v1::RUN_STATUS_APPLIED, R"({"greeting":{"value":"hi","sensitive":false}})");
        ++ended;
      }
    });
  }
};

TEST_F(DirectTest, CreatesThenUpdatesThenDestroys) {
  Client ann = ClientOf("ann");
  std::thread runner = Runner(3);
  const Answer created = Apply(ann, Note());
  ASSERT_TRUE(created.reply.ok()) << created.reply.status();
  EXPECT_EQ(created.http_status, "201");
  EXPECT_EQ(created.reply->outputs().fields().at("greeting").string_value(), "hi");
  EXPECT_TRUE(created.reply->done());
  const Answer updated = Apply(ann, Note("bye"));
  ASSERT_TRUE(updated.reply.ok()) << updated.reply.status();
  EXPECT_EQ(updated.http_status, "200");
  const Answer destroyed = Destroy(ann);
  runner.join();
  ASSERT_TRUE(destroyed.reply.ok()) << destroyed.reply.status();
  EXPECT_EQ(destroyed.http_status, "200");
  EXPECT_TRUE(destroyed.reply->outputs().fields().empty());
  EXPECT_EQ(Destroy(ann).reply.status().code(), Code::kNotFound);
  EXPECT_EQ(ann.GetStack("note").status().code(), Code::kNotFound);
}

TEST_F(DirectTest, PastTheWaitItTellsWhereToLook) {
  Client ann = ClientOf("ann");
  const Answer begun = Apply(ann, Note(), "respond-async, wait=0");
  ASSERT_TRUE(begun.reply.ok()) << begun.reply.status();
  EXPECT_EQ(begun.http_status, "202");
  EXPECT_EQ(begun.applied, "wait=0");
  EXPECT_EQ(begun.location, "/v1/" + begun.reply->operation());
  EXPECT_EQ(begun.reply->outputs().fields().at("operation").string_value(), begun.reply->operation());
  EXPECT_FALSE(begun.reply->outputs().fields().at("done").bool_value());
  EXPECT_FALSE(ann.GetOperation(begun.reply->operation())->done());
  RunNext();
  EXPECT_TRUE(ann.GetOperation(begun.reply->operation())->done());
}

TEST_F(DirectTest, SensitiveOutputsAreNull) {
  Client ann = ClientOf("ann");
  const Answer begun = Apply(ann, Note(), "wait=0");
  RunNext();
  v1::ApplyModuleRequest again = Note();
  std::thread runner([&] {
    while (OpenRuns("ann", "note") == 0) std::this_thread::yield();
    RunNext();
  });
  const Answer answer = Apply(ann, again);
  runner.join();
  ASSERT_TRUE(answer.reply.ok()) << answer.reply.status();
  EXPECT_TRUE(answer.reply->outputs().fields().at("key").has_null_value());
}

TEST_F(DirectTest, AFailedRunIsTheCallsError) {
  Client ann = ClientOf("ann");
  std::thread runner([&] {
    while (OpenRuns("ann", "note") == 0) std::this_thread::yield();
    RunNext(v1::RUN_STATUS_ERRORED, "no such region");
  });
  const Answer answer = Apply(ann, Note());
  runner.join();
  EXPECT_EQ(answer.reply.status().code(), Code::kUnknown);
  EXPECT_THAT(std::string(answer.reply.status().message()), HasSubstr("no such region"));
  EXPECT_EQ(ann.GetStack("note")->state(), v1::Stack::STATE_FAILED);
}

// On both stores: where writers run side by side, each may find that the stack is not there yet.
class DirectRaceTest : public DirectTest, public ::testing::WithParamInterface<std::string_view> {
 protected:
  DirectRaceTest() : DirectTest(UrlOf(GetParam())) {}
  void SetUp() override {
    if (postgres() && !store::testing::PostgresServer::Installed()) GTEST_SKIP() << "no PostgreSQL is installed";
    DirectTest::SetUp();
  }

 private:
  static bool postgres() { return GetParam() == "PostgreSQL"; }
  static std::string UrlOf(std::string_view backend) {
    const bool wanted = backend == "PostgreSQL" && store::testing::PostgresServer::Installed();
    return wanted ? store::testing::SharedPostgres().NewDatabase() : "";
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, DirectRaceTest, store::testing::EveryBackend(), store::testing::BackendName);

TEST_P(DirectRaceTest, ManyCallsOnOneStackRunOneAfterAnotherAndNoneIsLost) {
  constexpr int kStacks = 5, kCalls = 20;
  Client ann = ClientOf("ann");
  for (int stack = 0; stack < kStacks; ++stack) {
    std::atomic<bool> answered{false};
    std::thread runner = Runner(kCalls, &answered);
    std::vector<std::thread> callers;
    std::atomic<int> created{0}, updated{0};
    for (int i = 0; i < kCalls; ++i) {
      callers.emplace_back([&, i] {
        v1::ApplyModuleRequest request = Note(std::to_string(i));
        request.set_stack("note-" + std::to_string(stack));
        const Answer answer = Apply(ann, request);
        EXPECT_TRUE(answer.reply.ok()) << answer.reply.status();
        if (answer.http_status == "201") ++created;
        if (answer.http_status == "200") ++updated;
      });
    }
    for (std::thread& caller : callers) caller.join();
    answered = true;
    runner.join();
    EXPECT_EQ(created, 1);
    EXPECT_EQ(updated, kCalls - 1);
  }
}

TEST_P(DirectRaceTest, OfTwoModulesOneGetsTheStack) {
  Client ann = ClientOf("ann");
  for (int stack = 0; stack < 10; ++stack) {
    v1::ApplyModuleRequest note = Note();
    note.set_stack("shared-" + std::to_string(stack));
    v1::ApplyModuleRequest droplet;
    droplet.set_module("droplet");
    droplet.set_stack(note.stack());
    for (const char* name : {"image", "name", "region", "size"}) {
      (*droplet.mutable_variables()->mutable_fields())[name].set_string_value("x");
    }
    std::atomic<int> begun{0}, refused{0};
    auto call = [&](const v1::ApplyModuleRequest& request) {
      const Answer answer = Apply(ann, request, "wait=0");
      if (answer.http_status == "202") ++begun;
      if (answer.reply.status().code() == Code::kAlreadyExists) ++refused;
    };
    std::thread other([&] { call(droplet); });
    call(note);
    other.join();
    EXPECT_EQ(begun, 1);
    EXPECT_EQ(refused, 1);
  }
}

TEST_F(DirectTest, ADestructionQueuesBehindARunAndASecondOneJoinsIt) {
  Client ann = ClientOf("ann");
  ASSERT_EQ(Apply(ann, Note(), "wait=0").http_status, "202");
  const Answer first = Destroy(ann, "wait=0");
  ASSERT_TRUE(first.reply.ok()) << first.reply.status();
  EXPECT_EQ(Destroy(ann, "wait=0").reply->operation(), first.reply->operation());
  EXPECT_EQ(Apply(ann, Note()).reply.status().code(), Code::kAborted);
  RunNext();
  RunNext();
  EXPECT_EQ(ann.GetStack("note").status().code(), Code::kNotFound);
}

TEST_F(DirectTest, ACallerThatLeavesDoesNotCancelTheRun) {
  Client ann = ClientOf("ann");
  {
    grpc::ClientContext context;
    ann.Prepare(&context);
    std::thread leaver([&] {
      while (OpenRuns("ann", "note") == 0) std::this_thread::yield();
      context.TryCancel();
    });
    v1::DirectReply reply;
    EXPECT_EQ(ann.modules().ApplyModule(&context, Note(), &reply).error_code(), grpc::StatusCode::CANCELLED);
    leaver.join();
  }
  EXPECT_FALSE(OnlyOpenRun("ann", "note").cancel_requested);
  RunNext();
  EXPECT_EQ(ann.GetStack("note")->state(), v1::Stack::STATE_READY);
}

TEST_F(DirectTest, CreatingAndUpdatingEachNeedTheirScope) {
  Client creator = ClientOf("ann:stratus/stacks.create");
  Client updater = ClientOf("ann:stratus/stacks.update");
  EXPECT_EQ(Apply(updater, Note(), "wait=0").reply.status().code(), Code::kPermissionDenied);
  EXPECT_EQ(Apply(creator, Note(), "wait=0").http_status, "202");
  EXPECT_EQ(Apply(creator, Note(), "wait=0").reply.status().code(), Code::kPermissionDenied);
  EXPECT_EQ(Apply(updater, Note(), "wait=0").http_status, "202");
}

TEST_F(DirectTest, RefusesWhatIsNotRight) {
  Client ann = ClientOf("ann");
  v1::ApplyModuleRequest request = Note();
  request.set_module("nota");
  const Answer unknown = Apply(ann, request);
  EXPECT_EQ(unknown.reply.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(unknown.reply.status().message()), HasSubstr("did you mean note?"));
  request = Note();
  (*request.mutable_variables()->mutable_fields())["text"].set_number_value(5);
  EXPECT_EQ(Apply(ann, request).reply.status().code(), Code::kInvalidArgument);
  request = Note();
  request.set_stack("Not An Id");
  EXPECT_EQ(Apply(ann, request).reply.status().code(), Code::kInvalidArgument);
}

TEST_F(DirectTest, AStackOfAnotherModuleIsLeftAlone) {
  Client ann = ClientOf("ann");
  ASSERT_TRUE(ann.CreateNote("mine").ok());
  v1::ApplyModuleRequest request;
  request.set_module("droplet");
  request.set_stack("mine");
  for (const char* name : {"image", "name", "region", "size"}) {
    (*request.mutable_variables()->mutable_fields())[name].set_string_value("x");
  }
  EXPECT_EQ(Apply(ann, request, "wait=0").reply.status().code(), Code::kAlreadyExists);
}

TEST_F(DirectTest, ARepeatedIdWaitsForTheSameRun) {
  Client ann = ClientOf("ann");
  v1::ApplyModuleRequest request = Note();
  request.set_request_id("once");
  const Answer first = Apply(ann, request, "wait=0");
  RunNext();
  const Answer again = Apply(ann, request);
  ASSERT_TRUE(again.reply.ok()) << again.reply.status();
  EXPECT_EQ(again.http_status, "201");
  EXPECT_EQ(again.reply->operation(), first.reply->operation());
}

TEST(DirectWait, IsLessThanTheDeadlineAndInWholeSecondsWhereAskedFor) {
  const ApiSettings settings;
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(DirectWaitOf("", absl::InfiniteFuture(), now, settings).wait, absl::Seconds(50));
  EXPECT_EQ(DirectWaitOf("wait=7", absl::InfiniteFuture(), now, settings).wait, absl::Seconds(7));
  EXPECT_EQ(DirectWaitOf("wait=70", now + absl::Seconds(60), now, settings).wait, absl::Seconds(59));
  EXPECT_LT(DirectWaitOf("", now + absl::Seconds(20), now, settings).wait, absl::Seconds(20));
  EXPECT_EQ(DirectWaitOf("wait=9999", absl::InfiniteFuture(), now, settings).wait, settings.wait_max);
  EXPECT_FALSE(DirectWaitOf("wait=soon", absl::InfiniteFuture(), now, settings).asked_for);
  EXPECT_FALSE(DirectWaitOf("wait=-1", absl::InfiniteFuture(), now, settings).asked_for);
  EXPECT_EQ(DirectWaitOf("respond-async; x=1, WAIT=\"3\"", absl::InfiniteFuture(), now, settings).wait,
            absl::Seconds(3));
}

}  // namespace
}  // namespace stratus::provisioning::service
