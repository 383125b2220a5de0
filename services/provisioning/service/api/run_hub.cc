#include "services/provisioning/service/api/run_hub.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "lib/core/clock.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {
namespace {

int64_t SteadyNow() { return absl::ToInt64Nanoseconds(core::Clock::Real().Monotonic()); }

template <typename Map, typename Key, typename Value>
void EraseOne(Map* map, const Key& key, const Value& value) {
  const auto [begin, end] = map->equal_range(key);
  const auto at = std::find_if(begin, end, [&](const auto& entry) { return entry.second == value; });
  if (at != end) map->erase(at);
}

}  // namespace

RunHub::RunHub(store::Store* store, const Options& options)
    : options_(options),
      subscription_(store->Subscribe([this](std::string_view topic) { OnTopic(topic); })),
      thread_([this] { Run(); }) {}

RunHub::~RunHub() { Stop(); }

absl::StatusOr<std::unique_ptr<RunHub::Waiter>> RunHub::Add(std::string_view tenant, std::string_view run_uid,
                                                            absl::Time deadline, Callback callback) {
  const Ticks now = SteadyNow();
  const absl::Duration left = std::clamp(deadline - absl::Now(), absl::ZeroDuration(), absl::Hours(24 * 365));
  Entry entry{std::string(tenant), std::string(run_uid), std::make_shared<const Callback>(std::move(callback)),
              now + absl::ToInt64Nanoseconds(left), 0};
  entry.next = std::min(entry.deadline, now + absl::ToInt64Nanoseconds(options_.poll_interval));
  core::MutexLock lock(mutex_);
  const auto count = per_tenant_.find(tenant);
  const bool tenant_full = count != per_tenant_.end() && count->second >= options_.waiters_tenant_max;
  if (stopping_ || draining_) {
    ++refused_;
    return core::WithRetryAfter(absl::UnavailableError("the server is stopping"), absl::Seconds(1));
  }
  if (tenant_full || entries_.size() >= options_.waiters_max) {
    ++refused_;
    return core::WithRetryAfter(absl::ResourceExhaustedError(tenant_full ? "too many callers of this tenant are waiting"
                                                                         : "too many callers are waiting"),
                                absl::Seconds(5));
  }
  const uint64_t id = next_id_++;
  ++per_tenant_[entry.tenant];
  by_run_.emplace(entry.run_uid, id);
  const bool first = schedule_.empty() || entry.next < schedule_.begin()->first;
  schedule_.emplace(entry.next, id);
  entries_.emplace(id, std::move(entry));
  if (first) changed_.NotifyAll();
  return std::unique_ptr<Waiter>(new Waiter(this, id));
}

void RunHub::Remove(uint64_t id) {
  std::shared_ptr<const Callback> dropped;  // its destructor may run anything: outside the lock
  core::MutexLock lock(mutex_);
  const auto at = entries_.find(id);
  if (at == entries_.end()) return;
  Entry& entry = at->second;
  dropped = std::move(entry.callback);
  EraseOne(&by_run_, entry.run_uid, id);
  EraseOne(&schedule_, entry.next, id);
  const auto count = per_tenant_.find(entry.tenant);
  if (--count->second == 0) per_tenant_.erase(count);
  entries_.erase(at);
}

void RunHub::OnTopic(std::string_view topic) {
  std::vector<std::shared_ptr<const Callback>> woken;
  {
    core::MutexLock lock(mutex_);
    if (stopping_) return;
    if (topic == store::kTopicAll) {
      for (const auto& [id, entry] : entries_) woken.push_back(entry.callback);
    } else if (topic.substr(0, store::kTopicRun.size()) == store::kTopicRun) {
      const auto [begin, end] = by_run_.equal_range(topic.substr(store::kTopicRun.size()));
      for (auto at = begin; at != end; ++at) woken.push_back(entries_.at(at->second).callback);
    }
  }
  for (const auto& callback : woken) (*callback)(Wake::kLook);
}

std::vector<std::pair<std::shared_ptr<const RunHub::Callback>, RunHub::Wake>> RunHub::TakeDue(Ticks now) {
  std::vector<std::pair<std::shared_ptr<const Callback>, Wake>> due;
  const Ticks interval = absl::ToInt64Nanoseconds(options_.poll_interval);
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    const uint64_t id = schedule_.begin()->second;
    schedule_.erase(schedule_.begin());
    Entry& entry = entries_.at(id);
    const bool time_up = entry.deadline <= now;
    due.emplace_back(entry.callback, time_up ? Wake::kTimeUp : Wake::kLook);
    entry.next = time_up ? now + interval : std::min(entry.deadline, now + interval);
    schedule_.emplace(entry.next, id);
  }
  return due;
}

void RunHub::Run() {
  while (true) {
    std::vector<std::pair<std::shared_ptr<const Callback>, Wake>> due;
    {
      core::MutexLock lock(mutex_);
      while (!stopping_ && (schedule_.empty() || schedule_.begin()->first > SteadyNow())) {
        if (schedule_.empty()) {
          changed_.Wait(lock);
        } else {
          changed_.WaitFor(lock, std::chrono::nanoseconds(schedule_.begin()->first - SteadyNow()));
        }
      }
      if (stopping_) return;
      due = TakeDue(SteadyNow());
    }
    for (const auto& [callback, wake] : due) (*callback)(wake);
  }
}

void RunHub::Drain() {
  std::vector<std::shared_ptr<const Callback>> woken;
  {
    core::MutexLock lock(mutex_);
    draining_ = true;
    for (const auto& [id, entry] : entries_) woken.push_back(entry.callback);
  }
  for (const auto& callback : woken) (*callback)(Wake::kTimeUp);
}

void RunHub::Stop() {
  subscription_.reset();
  std::vector<std::shared_ptr<const Callback>> dropped;  // outside the lock: a callback may hold its own waiter
  {
    core::MutexLock lock(mutex_);
    stopping_ = true;
    for (auto& [id, entry] : entries_) dropped.push_back(std::move(entry.callback));
    entries_.clear();
    by_run_.clear();
    schedule_.clear();
    per_tenant_.clear();
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

size_t RunHub::waiters() const {
  core::MutexLock lock(mutex_);
  return entries_.size();
}

uint64_t RunHub::refused() const {
  core::MutexLock lock(mutex_);
  return refused_;
}

}  // namespace stratus::provisioning::service
