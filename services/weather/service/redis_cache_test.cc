#include "services/weather/service/redis_cache.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

#include "services/weather/testing/redis_server.h"

namespace stratus::weather {
namespace {

using testing::RedisServer;

class RedisCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisServer::Installed()) GTEST_SKIP() << "redis-server is not installed";
    server_ = std::make_unique<RedisServer>();
    cache_ = std::make_unique<RedisCache>(Options());
  }
  RedisOptions Options() const {
    RedisOptions options;
    options.address.unix_path = server_->socket_path();
    options.connect_timeout = options.command_timeout = absl::Seconds(30);  // what Redis answers in time for
    options.rest_min = absl::Milliseconds(5);
    options.rest_max = absl::Milliseconds(20);
    options.value_bytes_max = 1000;
    return options;
  }
  static std::optional<std::string> Find(RedisCache& cache, const std::string& key) {
    std::promise<std::optional<std::string>> found;
    cache.Find(key, [&found](std::optional<std::string> value) { found.set_value(std::move(value)); });
    return found.get_future().get();
  }
  // Until Redis is back, every Find misses.
  std::optional<std::string> FindInTheEnd(const std::string& key) {
    for (const absl::Time patience = absl::Now() + absl::Seconds(60); absl::Now() < patience;) {
      cache_->Store(key, "back", absl::Minutes(1));
      if (auto value = Find(*cache_, key)) return value;
      std::this_thread::yield();
    }
    return std::nullopt;
  }

  std::unique_ptr<RedisServer> server_;
  std::unique_ptr<RedisCache> cache_;
};

TEST_F(RedisCacheTest, WhatOneProcessStoresAnotherFinds) {
  const std::string binary("a\0b\r\n\xff", 6);
  cache_->Store("key", binary, absl::Minutes(1));
  EXPECT_EQ(Find(*cache_, "key"), binary);
  RedisCache other(Options());
  EXPECT_EQ(Find(other, "key"), binary);
  EXPECT_EQ(Find(other, "no such key"), std::nullopt);
}

TEST_F(RedisCacheTest, GoesOnWithoutRedisWhenItDiesAndFindsItAgain) {
  cache_->Store("key", "before", absl::Minutes(1));
  EXPECT_EQ(Find(*cache_, "key"), "before");
  server_->Stop();
  EXPECT_EQ(Find(*cache_, "key"), std::nullopt);
  EXPECT_FALSE(cache_->stats().connected);
  cache_->Store("key", "dropped", absl::Minutes(1));
  server_->Start();
  EXPECT_EQ(FindInTheEnd("key"), "back");
  EXPECT_TRUE(cache_->stats().connected);
}

TEST_F(RedisCacheTest, StartsWithoutRedis) {
  server_->Stop();
  RedisCache cache(Options());
  EXPECT_EQ(Find(cache, "key"), std::nullopt);
}

TEST_F(RedisCacheTest, ADeafRedisCostsOneTimeoutAndThenNothing) {
  RedisOptions options = Options();
  options.command_timeout = absl::Seconds(1);
  options.rest_min = absl::Hours(1);
  options.rest_max = absl::Hours(1);
  RedisCache cache(options);
  cache.Store("key", "value", absl::Minutes(1));
  EXPECT_EQ(Find(cache, "key"), "value");
  server_->Freeze();
  EXPECT_EQ(Find(cache, "key"), std::nullopt);
  for (int i = 0; i < 1000; ++i) {
    bool answered = false;
    cache.Find("key", [&answered](std::optional<std::string> value) {
      EXPECT_FALSE(value);
      answered = true;
    });
    EXPECT_TRUE(answered) << "while it rests, a miss is said at once";
  }
  EXPECT_EQ(cache.stats().failures, 1u);
  server_->Thaw();
}

TEST_F(RedisCacheTest, NeverStoresMoreThanItsLimit) {
  cache_->Store("big", std::string(1001, 'x'), absl::Minutes(1));
  EXPECT_EQ(Find(*cache_, "big"), std::nullopt);
}

TEST_F(RedisCacheTest, AnswersWhatStillWaitsWhenItGoes) {
  server_->Freeze();
  RedisOptions options = Options();
  options.command_timeout = absl::Milliseconds(20);
  auto cache = std::make_unique<RedisCache>(options);
  int answered = 0;
  for (int i = 0; i < 50; ++i) {
    cache->Find("key", [&answered](std::optional<std::string>) { ++answered; });
  }
  cache.reset();
  EXPECT_EQ(answered, 50);
  server_->Thaw();
}

}  // namespace
}  // namespace stratus::weather
