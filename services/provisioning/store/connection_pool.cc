#include "services/provisioning/store/connection_pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"

namespace stratus::provisioning::store {

ConnectionPool::ConnectionPool(int size, absl::Duration wait_max, Opener open)
    : size_(size), wait_max_(wait_max), open_(std::move(open)), places_(size) {}

absl::StatusOr<PooledConnection> ConnectionPool::Take() {
  absl::Status status = WaitForPlace();
  if (!status.ok()) return status;
  {
    core::MutexLock lock(mu_);
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return PooledConnection(this, std::move(connection));
    }
  }
  absl::StatusOr<std::unique_ptr<Connection>> opened = open_();
  if (!opened.ok()) {
    core::MutexLock lock(mu_);
    Release();
    return opened.status();
  }
  return PooledConnection(this, *std::move(opened));
}

PoolUse ConnectionPool::use() {
  core::MutexLock lock(mu_);
  return {.in_use = size_ - places_, .waiting = static_cast<int>(waiters_.size())};
}

absl::Status ConnectionPool::WaitForPlace() {
  core::MutexLock lock(mu_);
  if (places_ > 0) {
    --places_;
    return absl::OkStatus();
  }
  Waiter waiter;
  waiters_.push_back(&waiter);
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(wait_max_);
  while (!waiter.served) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) {
      waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &waiter));
      return absl::UnavailableError("every connection to the database is busy");
    }
    waiter.ready.WaitFor(lock, left);
  }
  return absl::OkStatus();
}

void ConnectionPool::Return(std::unique_ptr<Connection> connection) {
  const bool broken = connection->failure() == Failure::kBroken;
  std::vector<std::unique_ptr<Connection>> stale;  // closed after the lock is let go
  core::MutexLock lock(mu_);
  // What broke one has most likely broken all: a caller's next attempt must not find another dead one.
  if (broken) stale.swap(idle_);
  (broken ? stale : idle_).push_back(std::move(connection));
  Release();
}

void ConnectionPool::Release() {
  if (waiters_.empty()) {
    ++places_;
    return;
  }
  waiters_.front()->served = true;
  waiters_.front()->ready.NotifyOne();
  waiters_.pop_front();
}

}  // namespace stratus::provisioning::store
