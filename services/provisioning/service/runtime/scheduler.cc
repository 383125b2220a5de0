#include "services/provisioning/service/runtime/scheduler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/time/clock.h"
#include "lib/core/clock.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/service/runtime/run_worker.h"

namespace stratus::provisioning::service {
namespace {

constexpr int kOwnRunsMax = 1000;

}  // namespace

Scheduler::Scheduler(const RuntimeParts* parts) : parts_(*parts), housekeeping_(parts) {}

absl::StatusOr<std::unique_ptr<Scheduler>> Scheduler::Start(const RuntimeParts* parts) {
  auto scheduler = absl::WrapUnique(new Scheduler(parts));
  Scheduler* self = scheduler.get();
  self->subscription_ = parts->store->Subscribe([self](std::string_view topic) { self->Hear(topic); });
  if (absl::Status status = self->TakeUpOwn(); !status.ok()) return status;
  self->heartbeat_ = std::thread([self] { self->Heartbeat(); });
  self->claimer_ = std::thread([self] { self->Claim(); });
  self->keeper_ = std::thread([self] { self->Keep(); });
  return scheduler;
}

Scheduler::~Scheduler() { Stop(false, absl::ZeroDuration()); }

absl::Status Scheduler::TakeUpOwn() {
  absl::StatusOr<std::vector<store::RunRow>> own =
      parts_.store->TakeOver(/*own=*/true, parts_.options.lease_ttl, kOwnRunsMax);
  if (!own.ok()) return own.status();
  for (store::RunRow& run : *own) Launch(std::move(run), true);
  return absl::OkStatus();
}

void Scheduler::Launch(store::RunRow run, bool taken_over) {
  (taken_over ? parts_.counters->taken_over : parts_.counters->claimed).fetch_add(1, std::memory_order_relaxed);
  EndFormer(run.uid);
  core::MutexLock lock(mutex_);
  UnderWay& entry = runs_[run.uid];
  entry.over = false;
  entry.control = std::make_unique<RunControl>();
  RunControl* control = entry.control.get();
  entry.thread = std::thread([this, run = std::move(run), control, taken_over] {
    RunWorker(parts_, run, control, taken_over).Run();
    core::MutexLock done(mutex_);
    if (const auto found = runs_.find(run.uid); found != runs_.end() && found->second.control.get() == control) {
      found->second.over = true;
    }
    queue_changed_ = true;
    changed_.NotifyAll();
  });
}

// A run of the same name may still be ending here: its lease was lost, or has just been given back.
void Scheduler::EndFormer(const std::string& uid) {
  std::thread former;
  {
    core::MutexLock lock(mutex_);
    const auto found = runs_.find(uid);
    if (found == runs_.end()) return;
    found->second.control->LoseLease();
    former = std::move(found->second.thread);
  }
  if (former.joinable()) former.join();
  core::MutexLock lock(mutex_);
  runs_.erase(uid);
}

void Scheduler::Hear(std::string_view topic) {
  core::MutexLock lock(mutex_);
  const bool all = topic == store::kTopicAll;
  if (topic == store::kTopicQueue || all) {
    queue_changed_ = true;
    changed_.NotifyAll();
  }
  if (topic.substr(0, store::kTopicRun.size()) != store::kTopicRun && !all) return;
  for (auto& [uid, run] : runs_) {
    if (all || topic.substr(store::kTopicRun.size()) == uid) run.control->Look();
  }
}

bool Scheduler::WaitFor(absl::Duration time, bool wake_on_queue) {
  // Not by the wall clock: set back an hour, it would keep heartbeats from being sent for that long.
  const absl::Duration until = core::Clock::Real().Monotonic() + time;
  core::MutexLock lock(mutex_);
  while (!stopping_ && !(wake_on_queue && queue_changed_)) {
    const absl::Duration left = until - core::Clock::Real().Monotonic();
    if (left <= absl::ZeroDuration()) break;
    changed_.WaitFor(lock, absl::ToChronoNanoseconds(left));
  }
  if (wake_on_queue) queue_changed_ = false;
  return !stopping_;
}

void Scheduler::Reap() {
  std::vector<std::thread> ended;
  {
    core::MutexLock lock(mutex_);
    for (auto run = runs_.begin(); run != runs_.end();) {
      if (!run->second.over) {
        ++run;
        continue;
      }
      ended.push_back(std::move(run->second.thread));
      run = runs_.erase(run);
    }
  }
  for (std::thread& thread : ended) thread.join();
}

int Scheduler::FreeSlots() const {
  core::MutexLock lock(mutex_);
  if (draining_ || stopping_) return 0;
  return std::max(0, parts_.options.runs_max - static_cast<int>(runs_.size()));
}

int Scheduler::ClaimMore() {
  const store::RunLimits limits{.global = parts_.options.runs_max, .per_tenant = parts_.options.runs_per_tenant_max};
  int claimed = 0;
  for (Reap(); FreeSlots() > 0; Reap()) {
    absl::StatusOr<std::optional<store::RunRow>> run = parts_.store->ClaimRun(limits, parts_.options.lease_ttl);
    if (!run.ok()) {
      core::Log(core::Severity::kWarning, "no run can be claimed; it is tried again",
                {{"reason", core::ToStd(run.status().message())}});
      break;
    }
    if (!run->has_value()) break;
    Launch(**std::move(run), false);
    ++claimed;
  }
  return claimed;
}

void Scheduler::TakeOverExpired() {
  const int free = FreeSlots();
  if (free == 0) return;
  absl::StatusOr<std::vector<store::RunRow>> expired =
      parts_.store->TakeOver(/*own=*/false, parts_.options.lease_ttl, free);
  if (!expired.ok() || expired->empty()) return;
  parts_.backend->StandInForOthers();
  for (store::RunRow& run : *expired) {
    core::Log(core::Severity::kWarning, "a run whose lease had run out is taken over", {{"run", run.uid}});
    Launch(std::move(run), true);
  }
}

void Scheduler::Claim() {
  do {
    ClaimMore();
    TakeOverExpired();
  } while (WaitFor(parts_.options.poll, /*wake_on_queue=*/true));
}

bool Scheduler::RenewOnce() {
  std::vector<std::string> uids;
  {
    core::MutexLock lock(mutex_);
    for (const auto& [uid, run] : runs_) {
      if (!run.over) uids.push_back(uid);
    }
  }
  if (uids.empty()) return parts_.store->Ping().ok();
  absl::StatusOr<std::vector<std::string>> lost = parts_.store->RenewLeases(uids, parts_.options.lease_ttl);
  if (!lost.ok()) {
    core::Log(core::Severity::kWarning, "leases could not be renewed",
              {{"reason", core::ToStd(lost.status().message())}});
    return false;
  }
  for (const std::string& uid : *lost) {
    // A run that has just ended has given its lease back, which is no loss.
    absl::StatusOr<store::RunRow> run = parts_.store->GetRun(uid);
    core::MutexLock lock(mutex_);
    const auto found = runs_.find(uid);
    if (found == runs_.end() || found->second.over) continue;
    if (run.ok() && (run->record.has_end_time() || run->record.status() == v1::RUN_STATUS_PLANNED)) continue;
    parts_.counters->leases_lost.fetch_add(1, std::memory_order_relaxed);
    found->second.control->LoseLease();
  }
  return true;
}

void Scheduler::Heartbeat() {
  do {
    if (RenewOnce()) {
      core::MutexLock lock(mutex_);
      last_heartbeat_ = core::Clock::Real().Monotonic();
    }
  } while (WaitFor(parts_.options.heartbeat, /*wake_on_queue=*/false));
}

void Scheduler::Keep() {
  do {
    housekeeping_.Once(absl::Now());
  } while (WaitFor(parts_.options.housekeeping, /*wake_on_queue=*/false));
}

void Scheduler::Drain() {
  core::MutexLock lock(mutex_);
  draining_ = true;
}

void Scheduler::Stop(bool stop_runs, absl::Duration grace) {
  {
    core::MutexLock lock(mutex_);
    draining_ = true;
    for (auto& [uid, run] : runs_) {
      if (stop_runs) run.control->Interrupt();
    }
    const absl::Duration until = core::Clock::Real().Monotonic() + grace;
    const auto all_over = [this] {
      return std::all_of(runs_.begin(), runs_.end(), [](const auto& run) { return run.second.over; });
    };
    while (stop_runs && !all_over() && core::Clock::Real().Monotonic() < until) {
      changed_.WaitFor(lock, absl::ToChronoNanoseconds(until - core::Clock::Real().Monotonic()));
    }
    stopping_ = true;
    for (auto& [uid, run] : runs_) run.control->Detach();
    changed_.NotifyAll();
  }
  subscription_.reset();
  for (std::thread* thread : {&claimer_, &heartbeat_, &keeper_}) {
    if (thread->joinable()) thread->join();
  }
  {
    core::MutexLock lock(mutex_);
    for (auto& [uid, run] : runs_) run.control->Detach();  // what was launched in between
  }
  for (;;) {
    std::thread thread;
    {
      core::MutexLock lock(mutex_);
      for (auto& [uid, run] : runs_) {
        if (run.thread.joinable()) thread = std::move(run.thread);
        if (thread.joinable()) break;
      }
    }
    if (!thread.joinable()) break;
    thread.join();
  }
  core::MutexLock lock(mutex_);
  runs_.clear();
}

Scheduler::Stats Scheduler::stats() const {
  core::MutexLock lock(mutex_);
  Stats stats;
  for (const auto& [uid, run] : runs_) stats.under_way += run.over ? 0 : 1;
  stats.since_heartbeat = core::Clock::Real().Monotonic() - last_heartbeat_;
  return stats;
}

}  // namespace stratus::provisioning::service
