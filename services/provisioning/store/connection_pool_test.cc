#include "services/provisioning/store/connection_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace stratus::provisioning::store {
namespace {

// Its only statement breaks it.
class FragileConnection final : public Connection {
 public:
  explicit FragileConnection(std::atomic<int>* open) : open_(*open) { ++open_; }
  ~FragileConnection() override { --open_; }

 private:
  Outcome DoExecute(std::string_view, Params, RowFn) override {
    return {Failure::kBroken, absl::UnavailableError("gone"), 0};
  }
  Outcome DoBegin() override { return {}; }
  Outcome DoBeginSnapshot() override { return {}; }
  Outcome DoCommit() override { return {}; }
  Outcome DoRollback() override { return {}; }
  Outcome DoLock(std::string_view) override { return {}; }
  Outcome DoNotify(const std::vector<std::string>&) override { return {}; }

  std::atomic<int>& open_;
};

class ConnectionPoolTest : public ::testing::Test {
 protected:
  ConnectionPool::Opener Opener() {
    return [this]() -> absl::StatusOr<std::unique_ptr<Connection>> {
      if (fails_) return absl::UnavailableError("no server");
      return std::make_unique<FragileConnection>(&open_);
    };
  }

  std::atomic<int> open_ = 0;
  std::atomic<bool> fails_ = false;
};

TEST_F(ConnectionPoolTest, OpensNoMoreThanItsSizeAndUsesThemAgain) {
  ConnectionPool pool(2, absl::ZeroDuration(), Opener());
  for (int round = 0; round < 3; ++round) {
    auto first = pool.Take(), second = pool.Take();
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_TRUE(absl::IsUnavailable(pool.Take().status()));
    EXPECT_EQ(open_, 2);
    EXPECT_EQ(pool.use().in_use, 2);
    EXPECT_EQ(pool.use().waiting, 0);
  }
}

TEST_F(ConnectionPoolTest, ABrokenConnectionGoesAndTakesTheIdleOnesWithIt) {
  ConnectionPool pool(3, absl::ZeroDuration(), Opener());
  {
    auto first = pool.Take(), second = pool.Take(), third = pool.Take();
    EXPECT_EQ(open_, 3);
  }
  EXPECT_EQ(open_, 3) << "kept for the next";
  {
    auto first = pool.Take();
    EXPECT_FALSE((*first)->Execute("anything").ok());
  }
  EXPECT_EQ(open_, 0);
  EXPECT_TRUE(pool.Take().ok());
}

TEST_F(ConnectionPoolTest, AConnectionThatCannotBeOpenedTakesNoPlace) {
  ConnectionPool pool(1, absl::ZeroDuration(), Opener());
  fails_ = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.Take().status().message(), "no server");
  fails_ = false;
  EXPECT_TRUE(pool.Take().ok());
}

TEST_F(ConnectionPoolTest, ManyThreadsShareOneConnectionAndAllAreServed) {
  ConnectionPool pool(1, absl::Minutes(1), Opener());
  std::atomic<int> served = 0, inside = 0, together = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        auto connection = pool.Take();
        if (!connection.ok()) continue;
        if (++inside > 1) ++together;
        ++served;
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 800);
  EXPECT_EQ(together, 0);
  EXPECT_EQ(open_, 1);
}

}  // namespace
}  // namespace stratus::provisioning::store
