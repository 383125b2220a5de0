// Asks the Authenticator from a worker's loop, without ever blocking it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "gateway/http/exchange.h"
#include "lib/auth/authenticator.h"

namespace stratus::gateway::filter {

// Hears of a decision that had to wait for a key fetch.
class AuthWaiter {
 public:
  virtual void OnAuthOutcome(const auth::Outcome& outcome) = 0;

 protected:
  ~AuthWaiter() = default;
};

// One per worker, used on its loop thread only.
class AuthFilter {
 public:
  // At most this many requests wait for a key fetch; further ones are answered kUnavailable.
  static constexpr size_t kWaitingMax = 4096;

  // `authenticator` null: every call is allowed. `io` outlives the filter.
  AuthFilter(boost::asio::io_context& io, std::shared_ptr<auth::Authenticator> authenticator);
  ~AuthFilter();
  AuthFilter(const AuthFilter&) = delete;
  AuthFilter& operator=(const AuthFilter&) = delete;

  bool enabled() const { return authenticator_ != nullptr; }

  // Decides at once where that is possible. When the outcome is pending, `waiter` hears later, unless Forget(*ticket)
  // comes first.
  auth::Outcome Check(const http::RequestHead& head, const auth::Policy& policy, AuthWaiter* waiter, uint64_t* ticket);
  void Forget(uint64_t ticket) { waiting_.erase(ticket); }

 private:
  struct Mailbox;

  std::shared_ptr<auth::Authenticator> authenticator_;
  std::shared_ptr<Mailbox> mailbox_;  // where other threads leave decisions; they may outlive the filter
  absl::flat_hash_map<uint64_t, AuthWaiter*> waiting_;
  uint64_t next_ticket_ = 1;
};

}  // namespace stratus::gateway::filter
