// A bounded pool of connections. Who waits longest is served first, so that no caller starves under load.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

class ConnectionPool {
 public:
  using Opener = std::function<absl::StatusOr<std::unique_ptr<Connection>>()>;

  // `open` makes a connection, on the thread of the caller that needs it.
  ConnectionPool(int size, absl::Duration wait_max, Opener open);

  // UNAVAILABLE when none came free within `wait_max`; else what `open` says.
  absl::StatusOr<PooledConnection> Take();

  PoolUse use();

 private:
  friend class PooledConnection;

  struct Waiter {
    core::CondVar ready;
    bool served = false;
  };

  absl::Status WaitForPlace();
  void Return(std::unique_ptr<Connection> connection);
  // Hands a place to the first waiter, or frees it.
  void Release() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int size_;
  const absl::Duration wait_max_;
  const Opener open_;
  core::Mutex mu_;
  int places_ ABSL_GUARDED_BY(mu_);  // connections that may still be taken or opened
  std::deque<Waiter*> waiters_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stratus::provisioning::store
