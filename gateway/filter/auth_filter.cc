#include "gateway/filter/auth_filter.h"

#include <boost/asio/post.hpp>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "lib/core/mutex.h"

namespace stratus::gateway::filter {

struct AuthFilter::Mailbox {
  core::Mutex mutex;
  boost::asio::io_context* io ABSL_GUARDED_BY(mutex) = nullptr;  // null once the filter is gone
  AuthFilter* filter = nullptr;                                  // read on the loop thread only
};

AuthFilter::AuthFilter(boost::asio::io_context& io, std::shared_ptr<auth::Authenticator> authenticator)
    : authenticator_(std::move(authenticator)), mailbox_(std::make_shared<Mailbox>()) {
  core::MutexLock lock(mailbox_->mutex);
  mailbox_->io = &io;
  mailbox_->filter = this;
}

AuthFilter::~AuthFilter() {
  core::MutexLock lock(mailbox_->mutex);
  mailbox_->io = nullptr;
  mailbox_->filter = nullptr;
}

auth::Outcome AuthFilter::Check(const http::RequestHead& head, const auth::Policy& policy, AuthWaiter* waiter,
                                uint64_t* ticket) {
  auth::Outcome outcome;
  if (authenticator_ == nullptr) {
    outcome.result = auth::Outcome::Class::kAllowed;
    return outcome;
  }
  absl::InlinedVector<std::string_view, 2> values;
  for (const http::Header& header : head.headers) {
    if (header.name == "authorization") values.push_back(header.value);
  }
  outcome = authenticator_->Check(values, policy);
  if (!outcome.pending()) return outcome;
  if (waiting_.size() >= kWaitingMax) {
    outcome.result = auth::Outcome::Class::kUnavailable;
    outcome.reason = "too many requests wait for a key set";
    return outcome;
  }
  *ticket = next_ticket_++;
  waiting_.emplace(*ticket, waiter);
  authenticator_->CheckLater(values, policy, [mailbox = mailbox_, number = *ticket](auth::Outcome decided) {
    core::MutexLock lock(mailbox->mutex);
    if (mailbox->io == nullptr) return;
    boost::asio::post(*mailbox->io, [mailbox, number, decided = std::move(decided)] {
      AuthFilter* filter = mailbox->filter;
      if (filter == nullptr) return;
      const auto at = filter->waiting_.find(number);
      if (at == filter->waiting_.end()) return;
      AuthWaiter* waiter_now = at->second;
      filter->waiting_.erase(at);
      waiter_now->OnAuthOutcome(decided);
    });
  });
  return outcome;
}

}  // namespace stratus::gateway::filter
