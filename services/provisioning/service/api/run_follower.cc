#include "services/provisioning/service/api/run_follower.h"

#include <utility>

namespace stratus::provisioning::service {

RunFollower::RunFollower(Parts parts, std::string_view tenant, Look look)
    : parts_(parts), tenant_(tenant), look_(std::make_shared<const Look>(std::move(look))) {}

absl::StatusOr<std::shared_ptr<RunFollower>> RunFollower::Start(Parts parts, std::string_view tenant,
                                                                std::string_view run_uid, absl::Time deadline,
                                                                Look look) {
  std::shared_ptr<RunFollower> follower(new RunFollower(parts, tenant, std::move(look)));
  // In the hub before the first look: nothing that happens in between is missed.
  auto waiter = parts.hub->Add(tenant, run_uid, deadline, [follower](RunHub::Wake wake) { follower->Wake(wake); });
  if (!waiter.ok()) return waiter.status();
  {
    core::MutexLock lock(follower->mutex_);
    if (!follower->ended_) follower->waiter_ = *std::move(waiter);
  }
  follower->Wake(RunHub::Wake::kLook);
  return follower;
}

void RunFollower::Wake(RunHub::Wake wake) {
  {
    core::MutexLock lock(mutex_);
    if (ended_) return;
    if (wake == RunHub::Wake::kTimeUp) time_up_ = true;
    if (looking_) {
      again_ = true;
      return;
    }
    looking_ = true;
  }
  BeginLook();
}

void RunFollower::BeginLook() {
  const absl::Status submitted = parts_.executor->Submit(tenant_, [self = shared_from_this()] {
    std::shared_ptr<const Look> look;
    bool time_up = false;
    {
      core::MutexLock lock(self->mutex_);
      if (self->ended_) return;
      look = self->look_;
      time_up = self->time_up_;
      self->again_ = false;
    }
    (*look)(time_up, [self](Next next) { self->AfterLook(next); });
  });
  if (submitted.ok()) return;
  // The executor is full: the hub's next poll tries again.
  core::MutexLock lock(mutex_);
  looking_ = false;
}

void RunFollower::AfterLook(Next next) {
  if (next == Next::kEnd) return Stop();
  {
    core::MutexLock lock(mutex_);
    if (ended_) return;
    if (next == Next::kWait && !again_) {
      looking_ = false;
      return;
    }
  }
  BeginLook();
}

void RunFollower::Stop() {
  std::shared_ptr<const Look> look;  // both go outside the lock
  std::unique_ptr<RunHub::Waiter> waiter;
  core::MutexLock lock(mutex_);
  ended_ = true;
  look = std::move(look_);
  waiter = std::move(waiter_);
}

}  // namespace stratus::provisioning::service
