// Which calls are started again, and how often.
#include <string>
#include <vector>

#include "gateway/upstream/cluster_fixture.h"
#include "gateway/upstream/retry_budget.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {
namespace {

using Way = Server::Way;

class RetryTest : public ClusterTest {
 protected:
  RetryTest() {
    options_.retry.backoff_min = absl::Milliseconds(1);
    options_.retry.backoff_max = absl::Milliseconds(2);
    options_.outlier.consecutive_failures = 0;
  }

  absl::Status CallOne(bool idempotent) {
    Recorder recorder;
    recorder.idempotent = idempotent;
    Start(&recorder, "Echo", Framed(google::protobuf::Any()), 10'000'000'000);
    Finish(recorder);
    return recorder.status.value_or(absl::InternalError("no end"));
  }

  uint64_t Retries(RetryReason reason) const { return stats_->retries[static_cast<size_t>(reason)].value(); }

  ClusterOptions options_;
};

TEST_F(RetryTest, AnIdempotentCallGoesToAnotherEndpoint) {
  Server bad("bad"), good("good");
  options_.more_addresses.push_back(*core::ParseAddress(good.address()));
  Connect(bad.address(), options_);
  RunUntil([&] {
    EXPECT_TRUE(CallOne(false).ok());
    return stats_->connections.value() == 2;
  });
  for (const Way way : {Way::kUnavailable, Way::kCut}) {
    bad.Set(way);
    const uint64_t before = Retries(RetryReason::kUnavailable);
    while (Retries(RetryReason::kUnavailable) == before) {
      const absl::Status status = CallOne(true);
      ASSERT_TRUE(status.ok()) << status;
    }
  }
}

TEST_F(RetryTest, OtherCallsAreNotRepeated) {
  Server server("a");
  Connect(server.address(), options_);
  server.Set(Way::kUnavailable);
  EXPECT_EQ(CallOne(false).code(), absl::StatusCode::kUnavailable);
  server.Set(Way::kCut);
  EXPECT_EQ(CallOne(false).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.calls(), 2);
}

TEST_F(RetryTest, NothingIsRepeatedOnceAReplyHasBegun) {
  Server server("a");
  Connect(server.address(), options_);
  server.Set(Way::kHeadThenUnavailable);
  EXPECT_EQ(CallOne(true).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.calls(), 1);
}

TEST_F(RetryTest, GivesUpAfterTheLastAttemptWithTheServersWord) {
  Server server("a");
  Connect(server.address(), options_);
  server.Set(Way::kUnavailable);
  EXPECT_EQ(CallOne(true).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.calls(), 3);
}

TEST_F(RetryTest, TheServerMayForbidIt) {
  Server server("a");
  Connect(server.address(), options_);
  server.Set(Way::kDoNotRetry);
  EXPECT_EQ(CallOne(true).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.calls(), 1);
}

TEST_F(RetryTest, TheBudgetBoundsWhatAFailingServerGets) {
  Server server("a");
  Connect(server.address(), options_);
  server.Set(Way::kUnavailable);
  constexpr int kCalls = 200;
  for (int i = 0; i < kCalls; ++i) EXPECT_FALSE(CallOne(true).ok());
  // A fifth of the calls and the reserve of ten, and what time gives back: one a second.
  EXPECT_LT(server.calls(), kCalls + kCalls / 5 + 10 + 20);
  EXPECT_GT(stats_->retries_over_budget.value(), 0u);
}

TEST_F(RetryTest, TheDeadlineHoldsWhileARetryWaits) {
  Server server("a");
  options_.retry.backoff_min = options_.retry.backoff_max = absl::Hours(1);
  Connect(server.address(), options_);
  server.Set(Way::kUnavailable);
  Recorder recorder;
  recorder.idempotent = true;
  Start(&recorder, "Echo", "", 50'000'000);
  Finish(recorder);
  EXPECT_EQ(recorder.status->code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(RetryTest, ACancelledCallIsNotRetried) {
  Server server("a");
  Connect(server.address(), options_);
  server.Set(Way::kUnavailable);
  Recorder recorder;
  recorder.idempotent = true;
  Start(&recorder, "Echo", "");
  RunUntil([&] { return Retries(RetryReason::kUnavailable) == 1; });
  recorder.call->Cancel();
  server.Set(Way::kAnswer);
  EXPECT_TRUE(CallOne(true).ok());
  EXPECT_EQ(server.calls(), 2);
}

TEST_F(RetryTest, UnprocessedCallsAreMovedWhateverTheyAre) {
  Server leaving("leaving"), staying("staying");
  options_.more_addresses.push_back(*core::ParseAddress(staying.address()));
  Connect(leaving.address(), options_);
  RunUntil([&] {
    EXPECT_TRUE(CallOne(false).ok());
    return stats_->connections.value() == 2;
  });
  leaving.Set(Way::kGoAway);
  std::vector<std::unique_ptr<Recorder>> calls;
  for (int i = 0; i < 50; ++i) {
    calls.push_back(std::make_unique<Recorder>());
    Start(calls.back().get(), "Echo", "x");
  }
  for (const auto& call : calls) {
    Finish(*call);
    EXPECT_TRUE(call->status->ok()) << *call->status;
  }
  EXPECT_GT(Retries(RetryReason::kGoAway), 0u);
  leaving.Set(Way::kRefuse);
  while (Retries(RetryReason::kRefused) == 0) EXPECT_TRUE(CallOne(false).ok());
}

TEST(RetryBudget, IsAShareOfTheCallsAndASmallReserve) {
  RetryBudget budget(20);
  int taken = 0;
  while (budget.Take(1)) ++taken;
  EXPECT_EQ(taken, 10);
  for (int i = 0; i < 50; ++i) budget.OnCall();
  while (budget.Take(1)) ++taken;
  EXPECT_EQ(taken, 20);
  EXPECT_TRUE(budget.Take(1'500'000'000)) << "a second has passed";
  EXPECT_FALSE(budget.Take(1'600'000'000));
}

TEST(RetryBudget, OfNothingAllowsNothing) {
  RetryBudget budget(0);
  EXPECT_FALSE(budget.Take(1));
}

}  // namespace
}  // namespace stratus::gateway::upstream
