#include "gateway/proxy/reply_cache.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gateway/proxy/cache_control.h"

namespace stratus::gateway::proxy {
namespace {

using Answer = ReplyCache::Answer;
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

struct Waiter final : FlightWaiter {
  void OnLanded(bool ask_again) override { (ask_again ? again : alone) += 1; }
  int again = 0;
  int alone = 0;
};

class ReplyCacheTest : public ::testing::Test {
 protected:
  explicit ReplyCacheTest(size_t bytes_max = 1 << 20)
      : timers_(io_), stats_(std::make_shared<ReplyCacheStats>()), cache_(&timers_, bytes_max, stats_) {}

  static std::unique_ptr<CachedReply> Reply(const std::string& json, int64_t fresh_until = kForever,
                                            int64_t stale_until = kForever) {
    auto reply = std::make_unique<CachedReply>();
    reply->json = json;
    reply->fresh_until_ns = fresh_until;
    reply->stale_until_ns = stale_until;
    return reply;
  }
  Answer Ask(const std::string& key) { return cache_.Ask(key, &waiter_, &reply_); }
  void Keep(const std::string& key, std::unique_ptr<CachedReply> reply) {
    ASSERT_EQ(Ask(key), Answer::kFly);
    cache_.Land(key, std::move(reply), false);
  }
  void RunLoop() {
    io_.restart();
    while (waiter_.again + waiter_.alone == 0 && io_.run_one() > 0) {
    }
  }

  boost::asio::io_context io_;
  upstream::TimerQueue timers_;
  std::shared_ptr<ReplyCacheStats> stats_;
  ReplyCache cache_;
  Waiter waiter_;
  CachedReply* reply_ = nullptr;
};

TEST_F(ReplyCacheTest, GivesWhatIsFresh) {
  Keep("a", Reply("1"));
  EXPECT_EQ(Ask("a"), Answer::kHit);
  EXPECT_EQ(reply_->json, "1");
  EXPECT_EQ(Ask("b"), Answer::kFly);
  EXPECT_EQ(stats_->hits, 1u);
  EXPECT_EQ(stats_->misses, 2u);
}

TEST_F(ReplyCacheTest, OneFliesAndTheOthersWait) {
  EXPECT_EQ(Ask("a"), Answer::kFly);
  EXPECT_EQ(Ask("a"), Answer::kWait);
  cache_.Land("a", Reply("1"), false);
  EXPECT_EQ(waiter_.again, 0) << "never from within";
  RunLoop();
  EXPECT_EQ(waiter_.again, 1);
  EXPECT_EQ(Ask("a"), Answer::kHit);
}

TEST_F(ReplyCacheTest, WhoWaitsForNothingGoesAlone) {
  EXPECT_EQ(Ask("a"), Answer::kFly);
  EXPECT_EQ(Ask("a"), Answer::kWait);
  cache_.Land("a", nullptr, false);
  RunLoop();
  EXPECT_EQ(waiter_.alone, 1);
}

TEST_F(ReplyCacheTest, WhoLeavesHearsNothing) {
  Waiter other;
  EXPECT_EQ(Ask("a"), Answer::kFly);
  EXPECT_EQ(Ask("a"), Answer::kWait);
  EXPECT_EQ(cache_.Ask("a", &other, &reply_), Answer::kWait);
  cache_.Leave("a", &other);
  EXPECT_EQ(cache_.Ask("a", &other, &reply_), Answer::kWait);
  cache_.Land("a", nullptr, true);
  cache_.Leave("a", &other);  // between the landing and the news of it
  RunLoop();
  EXPECT_EQ(waiter_.again, 1);
  EXPECT_EQ(other.again + other.alone, 0);
}

TEST_F(ReplyCacheTest, GivesWhatIsStaleWhileSomeoneFlies) {
  Keep("a", Reply("old", 0, kForever));
  EXPECT_EQ(Ask("a"), Answer::kFly);
  EXPECT_EQ(Ask("a"), Answer::kStale);
  EXPECT_EQ(reply_->json, "old");
  cache_.Land("a", Reply("new"), false);
  EXPECT_EQ(Ask("a"), Answer::kHit);
  EXPECT_EQ(reply_->json, "new");
  Keep("b", Reply("old", 0, 0));
  EXPECT_EQ(Ask("b"), Answer::kFly);
  EXPECT_EQ(Ask("b"), Answer::kWait);
}

TEST_F(ReplyCacheTest, WhatFlewBeforeAClearIsNotKept) {
  Keep("kept", Reply("1"));
  EXPECT_EQ(Ask("flying"), Answer::kFly);
  cache_.Clear();
  cache_.Land("flying", Reply("1"), false);
  EXPECT_EQ(Ask("kept"), Answer::kFly);
  EXPECT_EQ(Ask("flying"), Answer::kFly);
}

class SmallReplyCacheTest : public ReplyCacheTest {
 protected:
  SmallReplyCacheTest() : ReplyCacheTest(20'000) {}
};

TEST_F(SmallReplyCacheTest, DropsTheLeastRecentlyUsed) {
  for (int i = 0; i < 8; ++i) Keep(std::to_string(i), Reply(std::string(900, 'x')));
  EXPECT_EQ(stats_->evicted, 0u);
  EXPECT_GT(stats_->bytes, 0u);
  EXPECT_EQ(Ask("0"), Answer::kHit);
  Keep("8", Reply(std::string(900, 'x')));
  EXPECT_EQ(stats_->evicted, 1u);
  EXPECT_EQ(Ask("0"), Answer::kHit);
  EXPECT_EQ(Ask("1"), Answer::kFly);
  Keep("huge", Reply(std::string(30'000, 'x')));
  EXPECT_EQ(Ask("huge"), Answer::kFly);
  EXPECT_FALSE(cache_.FitsIn(*Reply(std::string(2000, 'x'))));
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

}  // namespace
}  // namespace stratus::gateway::proxy
