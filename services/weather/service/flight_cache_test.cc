#include "services/weather/service/flight_cache.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

namespace stratus::weather {
namespace {

using Cache = FlightCache<std::string>;

// Fetches wait here until a test lands them.
class FlightCacheTest : public ::testing::Test {
 protected:
  static constexpr absl::Duration kTtl = absl::Minutes(10);

  static FlightCachePolicy Policy() {
    FlightCachePolicy policy;
    policy.ttl_jitter = 0;
    policy.entries_max = 4;
    policy.flights_max = 3;
    policy.waiters_per_flight_max = 2;
    policy.patience = absl::Hours(1);
    return policy;
  }
  ~FlightCacheTest() override { timers_.Stop(); }

  Cache::Fetch Fetch() {
    return [this](absl::Time, std::function<void(Cache::Fetched)> done) { flights_.push_back(std::move(done)); };
  }
  void LandValue(const std::string& text) {
    Land({.value = std::make_shared<const std::string>(text), .fetched_at = clock_.Now(), .ttl = kTtl});
  }
  void LandError(absl::Status error) { Land({.error = std::move(error)}); }
  void Land(Cache::Fetched fetched) {
    ASSERT_FALSE(flights_.empty());
    auto done = std::move(flights_.front());
    flights_.erase(flights_.begin());
    done(std::move(fetched));
  }
  // Asks and keeps the answer in `answers_`, at the returned index.
  size_t Get(const std::string& key, absl::Time deadline = absl::InfiniteFuture()) {
    answers_.emplace_back();
    const size_t index = answers_.size() - 1;
    cache_.Get(key, deadline, Fetch(), [this, index](absl::StatusOr<Cache::Hit> hit) {
      EXPECT_FALSE(answers_[index].has_value()) << "answered twice";
      answers_[index] = std::move(hit);
    });
    return index;
  }
  std::string Text(size_t index) {
    if (!answers_[index]) return "(waiting)";
    if (!answers_[index]->ok()) return answers_[index]->status().ToString();
    const Cache::Hit& hit = **answers_[index];
    return hit.stale_reason.empty() ? *hit.value : *hit.value + " (stale: " + hit.stale_reason + ")";
  }

  core::ManualClock clock_;
  TimerQueue timers_;
  Cache cache_{Policy(), &clock_, &timers_};
  std::vector<std::function<void(Cache::Fetched)>> flights_;
  std::vector<std::optional<absl::StatusOr<Cache::Hit>>> answers_;
};

TEST_F(FlightCacheTest, CallersShareOneFetchAndLaterOnesFindItsAnswer) {
  const size_t first = Get("a");
  const size_t second = Get("a");
  EXPECT_EQ(flights_.size(), 1u);
  LandValue("sunny");
  EXPECT_EQ(Text(first), "sunny");
  EXPECT_EQ(Text(second), "sunny");
  EXPECT_EQ(*cache_.FindFresh("a"), "sunny");
  EXPECT_EQ(Text(Get("a")), "sunny");
  EXPECT_EQ(cache_.stats().fetches, 1u);
  EXPECT_EQ(cache_.stats().joined, 1u);
}

TEST_F(FlightCacheTest, ServesTheOldAnswerWhileItRefreshes) {
  Get("a");
  LandValue("old");
  clock_.Advance(kTtl + absl::Seconds(1));
  EXPECT_EQ(cache_.FindFresh("a"), nullptr);
  EXPECT_EQ(Text(Get("a")), "old") << "not stale: the source has not failed";
  EXPECT_EQ(Text(Get("a")), "old");
  EXPECT_EQ(flights_.size(), 1u) << "one refresh at a time";
  LandValue("new");
  EXPECT_EQ(Text(Get("a")), "new");
}

TEST_F(FlightCacheTest, WaitsForTheRefreshWhenTheAnswerIsTooOldToServe) {
  Get("a");
  LandValue("old");
  clock_.Advance(absl::Hours(1));
  const size_t waiting = Get("a");
  EXPECT_EQ(Text(waiting), "(waiting)");
  LandValue("new");
  EXPECT_EQ(Text(waiting), "new");
}

TEST_F(FlightCacheTest, AFailureServesTheOldAnswerLabelledAndLeavesTheSourceAlone) {
  Get("a");
  LandValue("old");
  clock_.Advance(absl::Hours(1));
  const size_t waiting = Get("a");
  LandError(absl::UnavailableError("the source is down"));
  EXPECT_EQ(Text(waiting), "old (stale: the source is down)");
  EXPECT_EQ(Text(Get("a")), "old (stale: the source is down)");
  EXPECT_EQ(flights_.size(), 0u) << "no fetch during the pause";
  clock_.Advance(absl::Seconds(6));
  const size_t again = Get("a");
  EXPECT_EQ(flights_.size(), 1u);
  LandValue("new");
  EXPECT_EQ(Text(again), "new");
}

TEST_F(FlightCacheTest, AnAnswerBeyondTheLimitOfAgeIsNotServed) {
  Get("a");
  LandValue("ancient");
  clock_.Advance(absl::Hours(7));
  const size_t waiting = Get("a");
  LandError(absl::UnavailableError("the source is down"));
  EXPECT_EQ(Text(waiting), "UNAVAILABLE: the source is down");
}

TEST_F(FlightCacheTest, AFailureWithoutAnAnswerIsRememberedForAsLongAsItAsks) {
  const size_t first = Get("a");
  LandError(core::WithRetryAfter(absl::ResourceExhaustedError("429"), absl::Seconds(60)));
  EXPECT_EQ((*answers_[first]).status().code(), absl::StatusCode::kResourceExhausted);
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ((*answers_[Get("a")]).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(flights_.empty());
  clock_.Advance(absl::Seconds(2));
  Get("a");
  EXPECT_EQ(flights_.size(), 1u);
}

TEST_F(FlightCacheTest, APauseIsBoundedWhateverTheFailureAsks) {
  const FlightCachePolicy policy;
  EXPECT_EQ(PauseAfter(absl::UnavailableError(""), policy), policy.failure_pause);
  EXPECT_EQ(PauseAfter(core::WithRetryAfter(absl::UnavailableError(""), absl::Hours(9)), policy),
            policy.failure_pause_max);
  EXPECT_EQ(PauseAfter(core::WithRetryAfter(absl::UnavailableError(""), absl::ZeroDuration()), policy),
            absl::Seconds(1));
}

TEST_F(FlightCacheTest, AnOlderAnswerThatComesWithAnErrorIsServedLabelled) {
  const size_t waiting = Get("a");
  Land({.value = std::make_shared<const std::string>("from Redis"),
        .fetched_at = clock_.Now() - absl::Hours(2),
        .ttl = kTtl,
        .error = absl::UnavailableError("the source is down")});
  EXPECT_EQ(Text(waiting), "from Redis (stale: the source is down)");
}

TEST_F(FlightCacheTest, ACallerWithADeadlineDoesNotWaitForASlowSource) {
  std::promise<absl::StatusOr<Cache::Hit>> answer;
  cache_.Get("a", absl::Now() + absl::Milliseconds(20), Fetch(),
             [&answer](absl::StatusOr<Cache::Hit> hit) { answer.set_value(std::move(hit)); });
  EXPECT_EQ(answer.get_future().get().status().code(), absl::StatusCode::kDeadlineExceeded);
  LandValue("late");
  EXPECT_EQ(Text(Get("a")), "late") << "the answer is kept for the next caller";
  EXPECT_EQ(Text(Get("b", absl::Now() - absl::Seconds(1))).substr(0, 17), "DEADLINE_EXCEEDED");
}

TEST_F(FlightCacheTest, ACallerWithAnOldAnswerWaitsOnlyAWhile) {
  FlightCachePolicy policy = Policy();
  policy.patience = absl::Milliseconds(20);
  Cache cache(policy, &clock_, &timers_);
  cache.Get("a", absl::InfiniteFuture(), Fetch(), [](const absl::StatusOr<Cache::Hit>&) {});
  LandValue("old");
  clock_.Advance(absl::Hours(1));
  std::promise<absl::StatusOr<Cache::Hit>> answer;
  cache.Get("a", absl::InfiniteFuture(), Fetch(),
            [&answer](absl::StatusOr<Cache::Hit> hit) { answer.set_value(std::move(hit)); });
  const auto hit = answer.get_future().get();
  ASSERT_TRUE(hit.ok());
  EXPECT_EQ(*hit->value, "old");
  EXPECT_EQ(hit->stale_reason, "the source has not answered yet");
  LandValue("new");
  timers_.Stop();  // before the cache goes
}

TEST_F(FlightCacheTest, ForgetsTheKeyThatWasUsedLongestAgo) {
  for (const char* key : {"a", "b", "c", "d"}) {
    Get(key);
    LandValue(key);
  }
  EXPECT_NE(cache_.FindFresh("a"), nullptr);
  Get("e");
  LandValue("e");
  EXPECT_EQ(cache_.FindFresh("b"), nullptr);
  EXPECT_NE(cache_.FindFresh("a"), nullptr);
  EXPECT_EQ(cache_.stats().entries, 4u);
}

TEST_F(FlightCacheTest, BoundsFlightsAndTheCallersThatWait) {
  Get("a");
  Get("a");
  EXPECT_EQ((*answers_[Get("a")]).status().code(), absl::StatusCode::kResourceExhausted) << "two may wait";
  Get("b");
  Get("c");
  EXPECT_EQ((*answers_[Get("d")]).status().code(), absl::StatusCode::kResourceExhausted) << "three may fly";
  EXPECT_EQ(flights_.size(), 3u);
  while (!flights_.empty()) LandValue("x");
}

}  // namespace
}  // namespace stratus::weather
