#include "services/provisioning/remote_state/remote_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/provisioning/remote_state/testing/aws_server.h"

namespace stratus::provisioning::remote_state {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

constexpr char kKey[] = "p/q/t/stack.tfstate";
const StateOf kState = {"t", "stack"};
const LockMark kMark = {"stack", "run", 7};

// As the engine writes it, `&` escaped as Go does.
std::string InfoOf(const std::string& id, const std::string& info = "") {
  return absl::StrCat(R"({"ID":")", id, R"(","Operation":"OperationTypeApply","Info":")", info,
                      R"(","Who":"a\u0026b@c","Version":"1.10.6","Created":"2026-11-21T12:00:00.5Z","Path":""})");
}

std::string MarkedOf(const std::string& id, const LockMark& mark) { return WithMark(InfoOf(id), mark, "b/k"); }

std::string Message(const absl::Status& status) { return std::string(status.message()); }

class RemoteStateTest : public ::testing::TestWithParam<bool> {
 protected:
  RemoteStateTest()
      : http_({.backoff_base = absl::Milliseconds(1), .backoff_max = absl::Milliseconds(5), .breaker_failures = 1000}),
        remote_(&http_, server_.OptionsFor(in_table())) {}

  bool in_table() const { return GetParam(); }
  std::optional<std::string> LockThere() {
    return in_table() ? server_.Item(absl::StrCat("b/", kKey), "Info") : server_.Object(absl::StrCat(kKey, ".tflock"));
  }
  void SetLock(const std::string& info) {
    if (in_table()) {
      server_.SetItem(absl::StrCat("b/", kKey), "Info", info);
    } else {
      server_.SetObject(absl::StrCat(kKey, ".tflock"), info);
    }
  }
  const char* LockCall() const { return in_table() ? "PutItem" : "PUT"; }

  testing::AwsServer server_;
  http_client::Client http_;
  RemoteState remote_;
};

INSTANTIATE_TEST_SUITE_P(Locks, RemoteStateTest, ::testing::Bool(),
                         [](const auto& kind) { return kind.param ? "InDynamoDb" : "InTheBucket"; });

TEST_P(RemoteStateTest, AStateIsWrittenReadAndRemoved) {
  ASSERT_TRUE(remote_.Check().ok());
  EXPECT_EQ(remote_.Read(kState).value(), std::nullopt);
  ASSERT_TRUE(remote_.Write(kState, "one", "").ok());
  auto there = remote_.Read(kState);
  ASSERT_TRUE(there.ok() && there->has_value()) << there.status();
  EXPECT_EQ((*there)->body, "one");
  ASSERT_TRUE(remote_.Write(kState, "two", (*there)->etag).ok());
  EXPECT_THAT(server_.Object(kKey), Optional(std::string("two")));
  ASSERT_TRUE(remote_.Remove(kState).ok());
  EXPECT_EQ(server_.Object(kKey), std::nullopt);
  EXPECT_TRUE(remote_.Remove(kState).ok()) << "once more";
}

TEST_P(RemoteStateTest, AWriteThatReplacesSomethingElseIsRefused) {
  ASSERT_TRUE(remote_.Write(kState, "one", "").ok());
  const std::string etag = (*remote_.Read(kState))->etag;
  server_.SetObject(kKey, "another's");
  EXPECT_TRUE(absl::IsAborted(remote_.Write(kState, "two", etag)));
  EXPECT_TRUE(absl::IsAborted(remote_.Write(kState, "two", "")));
  EXPECT_THAT(server_.Object(kKey), Optional(std::string("another's")));
  ASSERT_TRUE(remote_.Remove(kState).ok());
  EXPECT_TRUE(absl::IsAborted(remote_.Write(kState, "two", etag))) << "it has gone";
}

TEST_P(RemoteStateTest, AWriteWhoseAnswerIsLostIsFoundDone) {
  server_.LoseNextAnswer("PUT");
  EXPECT_TRUE(remote_.Write(kState, "one", "").ok());
  const std::string etag = (*remote_.Read(kState))->etag;
  server_.LoseNextAnswer("PUT");
  EXPECT_TRUE(remote_.Write(kState, "two", etag).ok());
}

TEST_P(RemoteStateTest, TheDigestFollowsTheState) {
  ASSERT_TRUE(remote_.Write(kState, "one", "").ok());
  const std::string id = absl::StrCat("b/", kKey, "-md5");
  if (!in_table()) {
    EXPECT_EQ(server_.Item(id, "Digest"), std::nullopt);
    return;
  }
  EXPECT_THAT(server_.Item(id, "Digest"), Optional(std::string("f97c5d29941bfb1b2fdab0874906ab82")));  // md5 of `one`
  server_.SetItem(id, "Digest", "00");
  ASSERT_TRUE(remote_.EnsureDigest(kState, "one").ok());
  EXPECT_THAT(server_.Item(id, "Digest"), Optional(std::string("f97c5d29941bfb1b2fdab0874906ab82")));
  ASSERT_TRUE(remote_.Remove(kState).ok());
  EXPECT_EQ(server_.Item(id, "Digest"), std::nullopt);
}

TEST_P(RemoteStateTest, ALockSaysWhoseItIsAndIsReleasedByItsId) {
  EXPECT_EQ(remote_.Lock(kState, kMark, InfoOf("id-1")).value(), std::nullopt);
  const std::string held = LockThere().value_or("");
  EXPECT_EQ(
      held,
      R"({"ID":"id-1","Operation":"OperationTypeApply","Info":"stratus stack=stack run=run epoch=7",)"
      R"("Who":"a\u0026b@c","Version":"1.10.6","Created":"2026-11-21T12:00:00.5Z","Path":"b/p/q/t/stack.tfstate"})");
  EXPECT_TRUE(remote_.Unlock(kState, "id-2").ok());
  EXPECT_THAT(LockThere(), Optional(held)) << "it is not that one";
  EXPECT_TRUE(remote_.Unlock(kState, "id-1").ok());
  EXPECT_EQ(LockThere(), std::nullopt);
  EXPECT_TRUE(remote_.Unlock(kState, "id-1").ok()) << "once more";
}

TEST_P(RemoteStateTest, ALockWhoseAnswerIsLostIsHeld) {
  server_.LoseNextAnswer(LockCall());
  EXPECT_EQ(remote_.Lock(kState, kMark, InfoOf("id-1")).value(), std::nullopt);
  EXPECT_EQ(remote_.Lock(kState, kMark, InfoOf("id-1")).value(), std::nullopt) << "asked again";
  EXPECT_EQ(LockIdOf(LockThere().value_or("")), "id-1");
}

TEST_P(RemoteStateTest, SomebodyElsesLockIsNeverTouched) {
  for (const std::string& info :
       {InfoOf("theirs"), InfoOf("theirs", "stratus is down"), std::string("not even JSON")}) {
    SetLock(info);
    EXPECT_THAT(remote_.Lock(kState, kMark, InfoOf("id-1")).value(), Optional(info));
    EXPECT_TRUE(remote_.Unlock(kState, "theirs").ok());
    EXPECT_THAT(LockThere(), Optional(info));
  }
}

TEST_P(RemoteStateTest, ALockOfALeaseThatHasEndedIsTakenOver) {
  for (const LockMark& past :
       {LockMark{"stack", "former", 6}, LockMark{"stack", "run", 7}, LockMark{"stack", "-", 1}}) {
    SetLock(MarkedOf("left", past));
    EXPECT_EQ(remote_.Lock(kState, kMark, InfoOf("id-1")).value(), std::nullopt);
    EXPECT_EQ(LockIdOf(LockThere().value_or("")), "id-1");
  }
}

TEST_P(RemoteStateTest, ALockOfALaterLeaseOrOfAnotherStackStays) {
  for (const LockMark& other : {LockMark{"stack", "next", 8}, LockMark{"other", "run", 1}}) {
    SetLock(MarkedOf("theirs", other));
    EXPECT_THAT(remote_.Lock(kState, kMark, InfoOf("id-1")).value(), Optional(MarkedOf("theirs", other)));
    EXPECT_EQ(LockIdOf(LockThere().value_or("")), "theirs");
  }
}

TEST_P(RemoteStateTest, ErrorsSayWhatIsWrongAndNoSecret) {
  server_.RefuseNext("GET", 403, "AccessDenied");
  const absl::Status denied = remote_.Read(kState).status();
  EXPECT_TRUE(absl::IsPermissionDenied(denied)) << denied;
  EXPECT_THAT(Message(denied), HasSubstr("s3://b/p/q/t/stack.tfstate"));
  EXPECT_THAT(Message(denied), HasSubstr("AccessDenied"));
  EXPECT_THAT(Message(denied), Not(HasSubstr("very-secret")));

  server_.RefuseNext("PUT", 409, "ConditionalRequestConflict");
  EXPECT_TRUE(absl::IsAborted(remote_.Write(kState, "one", "")));
  server_.RefuseNext(LockCall(), 400, "ExpiredToken");
  EXPECT_TRUE(absl::IsPermissionDenied(remote_.Lock(kState, kMark, InfoOf("id-1")).status()));
  server_.SetDown(true);
  EXPECT_TRUE(absl::IsUnavailable(remote_.Read(kState).status()));
}

TEST_P(RemoteStateTest, ABucketOrATableThatIsNotThereFailsTheCheck) {
  Options options = server_.OptionsFor(in_table());
  options.bucket = "nobody";
  EXPECT_TRUE(absl::IsFailedPrecondition(RemoteState(&http_, options).Check()));
  EXPECT_TRUE(absl::IsFailedPrecondition(RemoteState(&http_, options).Read(kState).status()));
  options = server_.OptionsFor(in_table());
  options.lock_table = "nobody";
  const absl::Status status = RemoteState(&http_, options).Check();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("ResourceNotFoundException"));
}

TEST_P(RemoteStateTest, TheKmsKeyIsAskedForWithEachWrite) {
  Options options = server_.OptionsFor(in_table());
  options.kms_key = "alias/states";
  RemoteState remote(&http_, options);
  ASSERT_TRUE(remote.Write(kState, "one", "").ok());
  EXPECT_EQ(server_.LastPutHeader("x-amz-server-side-encryption"), "aws:kms");
  EXPECT_EQ(server_.LastPutHeader("x-amz-server-side-encryption-aws-kms-key-id"), "alias/states");
}

TEST_P(RemoteStateTest, ATenantsNameIsOneSegmentOfTheKey) {
  EXPECT_EQ(remote_.KeyOf({"ann.b_c-1", "s"}), "p/q/ann.b_c-1/s.tfstate");
  EXPECT_EQ(remote_.KeyOf({"../x y", "s"}), "p/q/..%2Fx%20y/s.tfstate");
  EXPECT_EQ(remote_.KeyOf({"..", "s"}), "p/q/%2E%2E/s.tfstate");
  ASSERT_TRUE(remote_.Write({"a/b%", "s"}, "one", "").ok());
  EXPECT_THAT(server_.Object("p/q/a%2Fb%25/s.tfstate"), Optional(std::string("one")));
}

TEST(LockInfo, ARefusalHasNoIdAndSaysWhy) {
  const std::string refusal = RefusalAsLockInfo("the bucket is gone");
  EXPECT_EQ(LockIdOf(refusal), "");
  EXPECT_THAT(refusal, HasSubstr("the bucket is gone"));
  EXPECT_EQ(MarkOf(refusal), std::nullopt);
}

TEST(LockInfo, WhatTheEngineSaidStaysBehindTheMark) {
  const std::string marked = WithMark(InfoOf("i", "by hand"), kMark, "p");
  const auto mark = MarkOf(marked);
  ASSERT_TRUE(mark.has_value());
  EXPECT_EQ(mark->stack_uid, "stack");
  EXPECT_EQ(mark->run_uid, "run");
  EXPECT_EQ(mark->epoch, 7);
  EXPECT_THAT(marked, HasSubstr("epoch=7 by hand"));
}

}  // namespace
}  // namespace stratus::provisioning::remote_state
