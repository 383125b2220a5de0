#include "gateway/proxy/reply_cache.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gateway/proxy/cache_control.h"
#include "google/rpc/status.pb.h"

namespace stratus::gateway::proxy {
namespace {

using Answer = ReplyCache::Answer;
using Empty = ReplyCache::Empty;
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

struct Waiter final : FlightWaiter {
  void OnLanded(bool ask_again) override { (ask_again ? again : alone) += 1; }
  void OnFlightFailed(const google::rpc::Status& error) override {
    EXPECT_EQ(error.message(), "down");
    ++failed;
  }
  int all() const { return again + alone + failed; }
  int again = 0;
  int alone = 0;
  int failed = 0;
};

class ReplyCacheTest : public ::testing::Test {
 protected:
  explicit ReplyCacheTest(size_t bytes_max = 1 << 20)
      : timers_(io_), stats_(std::make_shared<ReplyCacheStats>()), cache_(&timers_, bytes_max, stats_) {}

  static std::unique_ptr<CachedReply> Reply(const std::string& json, int64_t fresh_until = kForever,
                                            int64_t stale_until = kForever, int64_t error_until = 0) {
    auto reply = std::make_unique<CachedReply>();
    reply->json = json;
    reply->fresh_until_ns = fresh_until;
    reply->stale_until_ns = stale_until;
    reply->error_until_ns = error_until;
    return reply;
  }
  Answer Ask(const std::string& key) { return cache_.Ask(key, {}, &waiter_, &found_); }
  Answer AskFor(const ReplyCache::Wish& wish) { return cache_.Ask("a", wish, &waiter_, &found_); }
  void Keep(const std::string& key, std::unique_ptr<CachedReply> reply) {
    ASSERT_EQ(Ask(key), Answer::kFly);
    cache_.Land(key, std::move(reply));
  }
  void Fail(const std::string& key) {
    google::rpc::Status error;
    error.set_message("down");
    cache_.LandEmpty(key, Empty::kFailed, std::make_shared<const google::rpc::Status>(error));
  }
  void RunLoop() {
    io_.restart();
    while (waiter_.all() == 0 && io_.run_one() > 0) {
    }
  }

  boost::asio::io_context io_;
  upstream::TimerQueue timers_;
  std::shared_ptr<ReplyCacheStats> stats_;
  ReplyCache cache_;
  Waiter waiter_;
  ReplyCache::Found found_;
};

TEST_F(ReplyCacheTest, GivesWhatIsFresh) {
  Keep("a", Reply("1"));
  EXPECT_EQ(Ask("a"), Answer::kHit);
  EXPECT_EQ(found_.reply->json, "1");
  EXPECT_EQ(Ask("b"), Answer::kFly);
  EXPECT_EQ(stats_->hits.Get(), 1u);
  EXPECT_EQ(stats_->misses.Get(), 2u);
}

TEST_F(ReplyCacheTest, OneFliesAndTheOthersWait) {
  EXPECT_EQ(Ask("a"), Answer::kFly);
  EXPECT_EQ(Ask("a"), Answer::kWait);
  cache_.Land("a", Reply("1"));
  EXPECT_EQ(waiter_.again, 0) << "never from within";
  RunLoop();
  EXPECT_EQ(waiter_.again, 1);
  EXPECT_EQ(Ask("a"), Answer::kHit);
}

TEST_F(ReplyCacheTest, WhoWaitsForNothingGoesAloneAndNobodyWaitsForItAgainSoon) {
  EXPECT_EQ(Ask("a"), Answer::kFly);
  EXPECT_EQ(Ask("a"), Answer::kWait);
  cache_.LandEmpty("a", Empty::kNotToBeKept);
  RunLoop();
  EXPECT_EQ(waiter_.alone, 1);
  EXPECT_EQ(Ask("a"), Answer::kPass);
  EXPECT_EQ(AskFor({.only_if_cached = true}), Answer::kNothing);
  EXPECT_EQ(Ask("b"), Answer::kFly);
  cache_.LandEmpty("b", Empty::kNotToBeKept);
  EXPECT_EQ(Ask("b"), Answer::kFly) << "it had no one waiting";
}

TEST_F(ReplyCacheTest, WhoLeavesHearsNothing) {
  Waiter other;
  EXPECT_EQ(Ask("a"), Answer::kFly);
  EXPECT_EQ(Ask("a"), Answer::kWait);
  EXPECT_EQ(cache_.Ask("a", {}, &other, &found_), Answer::kWait);
  cache_.Leave("a", &other);
  EXPECT_EQ(cache_.Ask("a", {}, &other, &found_), Answer::kWait);
  cache_.LandEmpty("a", Empty::kGone);
  cache_.Leave("a", &other);  // between the landing and the news of it
  RunLoop();
  EXPECT_EQ(waiter_.again, 1);
  EXPECT_EQ(other.all(), 0);
}

TEST_F(ReplyCacheTest, GivesWhatIsStaleWhileOneRefreshFlies) {
  Keep("a", Reply("old", 0, kForever));
  EXPECT_EQ(Ask("a"), Answer::kStale);
  EXPECT_TRUE(found_.refresh);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask("a"), Answer::kStale);
    EXPECT_FALSE(found_.refresh);
    EXPECT_EQ(found_.reply->json, "old");
  }
  cache_.Land("a", Reply("new"));
  EXPECT_EQ(Ask("a"), Answer::kHit);
  EXPECT_EQ(found_.reply->json, "new");
  Keep("b", Reply("old", 0, 0));
  EXPECT_EQ(Ask("b"), Answer::kFly) << "too old to be given";
  EXPECT_EQ(Ask("b"), Answer::kWait);
}

TEST_F(ReplyCacheTest, WhoDoesNotTakeWhatIsStaleWaitsForTheRefresh) {
  Keep("a", Reply("old", 0, kForever));
  EXPECT_EQ(Ask("a"), Answer::kStale);
  EXPECT_EQ(AskFor({.fresh_only = true}), Answer::kWait);
  cache_.Land("a", Reply("new"));
  RunLoop();
  EXPECT_EQ(waiter_.again, 1);
}

TEST_F(ReplyCacheTest, AFailedRefreshIsNotTriedAgainAtOnce) {
  Keep("a", Reply("old", 0, kForever));
  EXPECT_EQ(Ask("a"), Answer::kStale);
  EXPECT_TRUE(found_.refresh);
  Fail("a");
  EXPECT_EQ(Ask("a"), Answer::kStale);
  EXPECT_FALSE(found_.refresh);
  EXPECT_EQ(stats_->refreshes.Get(), 1u);
  EXPECT_EQ(stats_->refreshes_failed.Get(), 1u);
}

TEST_F(ReplyCacheTest, RefreshesAtOnceAreBounded) {
  for (size_t i = 0; i <= ReplyCache::kRefreshesMax; ++i) Keep(std::to_string(i), Reply("old", 0, kForever));
  for (size_t i = 0; i <= ReplyCache::kRefreshesMax; ++i) {
    EXPECT_EQ(Ask(std::to_string(i)), Answer::kStale);
    EXPECT_EQ(found_.refresh, i < ReplyCache::kRefreshesMax) << i;
  }
  cache_.Land("0", Reply("new"));
  EXPECT_EQ(Ask(std::to_string(ReplyCache::kRefreshesMax)), Answer::kStale);
  EXPECT_TRUE(found_.refresh);
}

TEST_F(ReplyCacheTest, WhatIsStaleStandsInForAFailureAsLongAsItMay) {
  Keep("a", Reply("old", 0, 0, kForever));
  EXPECT_EQ(Ask("a"), Answer::kFly);
  EXPECT_EQ(Ask("a"), Answer::kWait);
  Fail("a");
  ASSERT_NE(cache_.FindForError("a"), nullptr);
  RunLoop();
  EXPECT_EQ(waiter_.again, 1) << "it will be given the same";
  EXPECT_EQ(Ask("a"), Answer::kStaleIfError);
  EXPECT_EQ(AskFor({.fresh_only = true}), Answer::kFly);
  Keep("b", Reply("old", 0, 0, 1));
  EXPECT_EQ(Ask("b"), Answer::kFly);
  EXPECT_EQ(Ask("b"), Answer::kWait);
  Fail("b");
  EXPECT_EQ(cache_.FindForError("b"), nullptr) << "too old";
  waiter_ = {};
  RunLoop();
  EXPECT_EQ(waiter_.failed, 1) << "nobody tries it over and over";
  EXPECT_EQ(Ask("b"), Answer::kFly);
}

TEST_F(ReplyCacheTest, ClientsChooseWhatTheyTake) {
  EXPECT_EQ(AskFor({.only_if_cached = true}), Answer::kNothing);
  EXPECT_EQ(AskFor({.reload = true}), Answer::kReload);
  const uint64_t generation = found_.generation;
  cache_.Replace("a", generation, Reply("1"));
  EXPECT_EQ(AskFor({.only_if_cached = true}), Answer::kHit);
  EXPECT_EQ(AskFor({.reload = true}), Answer::kReload);
  EXPECT_EQ(AskFor({.age_ns_max = 1}), Answer::kReload) << "it was stored at 0";
  EXPECT_EQ(AskFor({.only_if_cached = true, .age_ns_max = 1}), Answer::kNothing);
  EXPECT_EQ(AskFor({.fresh_ns_min = 1'000'000'000}), Answer::kHit);
  EXPECT_EQ(AskFor({.fresh_ns_min = kForever}), Answer::kReload);
  cache_.Clear();
  cache_.Replace("a", generation, Reply("1"));
  EXPECT_EQ(AskFor({.only_if_cached = true}), Answer::kNothing) << "it was asked for before";
}

TEST_F(ReplyCacheTest, WhatFlewBeforeAClearIsNotKept) {
  Keep("kept", Reply("1"));
  EXPECT_EQ(Ask("flying"), Answer::kFly);
  cache_.Clear();
  cache_.Land("flying", Reply("1"));
  EXPECT_EQ(Ask("kept"), Answer::kFly);
  EXPECT_EQ(Ask("flying"), Answer::kFly);
}

class SmallReplyCacheTest : public ReplyCacheTest {
 protected:
  SmallReplyCacheTest() : ReplyCacheTest(20'000) {}
};

TEST_F(SmallReplyCacheTest, DropsTheLeastRecentlyUsed) {
  for (int i = 0; i < 15; ++i) Keep(std::to_string(i), Reply(std::string(400, 'x')));
  EXPECT_EQ(stats_->evicted.Get(), 0u);
  EXPECT_EQ(Ask("0"), Answer::kHit);
  Keep("15", Reply(std::string(400, 'x')));
  EXPECT_EQ(stats_->evicted.Get(), 1u);
  EXPECT_EQ(Ask("0"), Answer::kHit);
  EXPECT_EQ(Ask("1"), Answer::kFly);
  Keep("huge", Reply(std::string(1000, 'x')));
  EXPECT_EQ(Ask("huge"), Answer::kFly) << "more than a 32nd of all";
  EXPECT_EQ(stats_->too_large.Get(), 1u);
  EXPECT_EQ(stats_->evicted.Get(), 1u);
}

// What the heap has given out, as far as the allocator tells.
size_t HeapBytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST_F(ReplyCacheTest, AFloodOfKeysStaysWithinTheLimit) {
  const size_t before = HeapBytes();
  for (int i = 0; i < 50'000; ++i) {
    auto reply = Reply(std::string(static_cast<size_t>(i % 2000), 'x'));
    reply->headers = {{"cache-control", "max-age=60"}, {"etag", "W/\"0123456789abcdef\""}};
    Keep(std::string(static_cast<size_t>(i % 300), 'k') + std::to_string(i), std::move(reply));
    ASSERT_LE(cache_.bytes(), 1u << 20);
    ASSERT_EQ(stats_->bytes.Get(), cache_.bytes());
  }
  EXPECT_LE(HeapBytes(), before + (1 << 20));
  EXPECT_GT(stats_->entries.Get(), 200u);
  EXPECT_EQ(stats_->entries.Get() + stats_->evicted.Get(), 50'000u);
}

TEST(CacheControl, KnowsTheDirectivesThatMatter) {
  const CacheControl parsed =
      ParseCacheControl("Private, MAX-AGE=60 ,s-maxage=\"10\", stale-while-revalidate=5, x=\"y\"");
  EXPECT_TRUE(parsed.is_private);
  EXPECT_FALSE(parsed.no_store);
  EXPECT_EQ(parsed.fresh_s, 10);
  EXPECT_EQ(parsed.stale_while_revalidate_s, 5);
  EXPECT_TRUE(ParseCacheControl("no-store").no_store);
  EXPECT_TRUE(ParseCacheControl(",, no-cache").no_cache);
  EXPECT_EQ(ParseCacheControl("").fresh_s, -1);
  EXPECT_EQ(ParseCacheControl("max-age=x").fresh_s, 0);
  EXPECT_EQ(ParseCacheControl("max-age=-1").fresh_s, 0);
  EXPECT_EQ(ParseCacheControl("max-age=99999999999999999999").fresh_s, 365 * 24 * 3600);
}

TEST(CacheControl, KnowsWhatIsSaidOfStaleReplies) {
  const CacheControl parsed = ParseCacheControl("max-age=1, stale-while-revalidate=2, stale-if-error=3");
  EXPECT_EQ(parsed.stale_while_revalidate_s, 2);
  EXPECT_EQ(parsed.stale_if_error_s, 3);
  EXPECT_FALSE(parsed.must_revalidate);
  EXPECT_TRUE(ParseCacheControl("must-revalidate").must_revalidate);
  EXPECT_TRUE(ParseCacheControl("Proxy-Revalidate").must_revalidate);
}

RequestCacheControl OfRequest(std::vector<http::Header> headers) {
  http::RequestHead head;
  head.headers = headers;
  return ParseRequestCacheControl(head);
}

TEST(RequestCacheControl, TakesAllLinesTogether) {
  const RequestCacheControl parsed =
      OfRequest({{"cache-control", "max-age=60, min-fresh=5"}, {"x", "y"}, {"cache-control", "max-age=30, no-store"}});
  EXPECT_EQ(parsed.age_s_max, 30);
  EXPECT_EQ(parsed.fresh_s_min, 5);
  EXPECT_TRUE(parsed.no_store);
  EXPECT_TRUE(parsed.refuses_stale());
  EXPECT_FALSE(parsed.no_cache);
  EXPECT_TRUE(OfRequest({{"cache-control", "max-age=0"}}).no_cache);
  EXPECT_TRUE(OfRequest({{"cache-control", "Only-If-Cached"}}).only_if_cached);
  EXPECT_FALSE(OfRequest({{"x", "no-cache"}}).no_cache);
  EXPECT_FALSE(OfRequest({}).refuses_stale());
}

}  // namespace
}  // namespace stratus::gateway::proxy
