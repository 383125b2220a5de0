#include "services/provisioning/service/api/fair_executor.h"

#include <algorithm>
#include <utility>

#include "lib/core/status.h"

namespace stratus::provisioning::service {

FairExecutor::FairExecutor(const Options& options)
    : options_(options), tenant_threads_max_(std::max(1, options.threads - std::max(1, options.threads / 4))) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Run(); });
}

FairExecutor::~FairExecutor() { Stop(); }

absl::Status FairExecutor::Submit(std::string_view tenant, Task task) {
  core::MutexLock lock(mutex_);
  if (stopping_ || queued_ >= options_.queue_max) {
    ++refused_;
    return core::WithRetryAfter(absl::UnavailableError(stopping_ ? "the server is stopping" : "the server is busy"),
                                absl::Seconds(1));
  }
  const auto found = lines_.find(tenant);
  if (found != lines_.end() && found->second.tasks.size() >= options_.queue_tenant_max) {
    ++refused_;
    return core::WithRetryAfter(absl::ResourceExhaustedError("too many calls of this tenant are waiting"),
                                absl::Seconds(1));
  }
  Line& line = found != lines_.end() ? found->second : lines_[std::string(tenant)];
  line.tasks.push_back(std::move(task));
  ++queued_;
  changed_.NotifyOne();
  return absl::OkStatus();
}

FairExecutor::Lines::iterator FairExecutor::NextLine() {
  if (queued_ == 0) return lines_.end();
  auto at = lines_.upper_bound(last_served_);
  for (size_t i = 0; i < lines_.size(); ++i, ++at) {
    if (at == lines_.end()) at = lines_.begin();
    if (!at->second.tasks.empty() && at->second.running < tenant_threads_max_) return at;
  }
  return lines_.end();
}

bool FairExecutor::Take(Lines::iterator* line, Task* task) {
  core::MutexLock lock(mutex_);
  while ((*line = NextLine()) == lines_.end()) {
    if (stopping_ && queued_ == 0) return false;
    changed_.Wait(lock);
  }
  last_served_ = (*line)->first;
  *task = std::move((*line)->second.tasks.front());
  (*line)->second.tasks.pop_front();
  ++(*line)->second.running;
  --queued_;
  ++running_;
  return true;
}

void FairExecutor::Run() {
  Lines::iterator line;  // stays while one of its tasks runs
  Task task;
  while (Take(&line, &task)) {
    task();
    task = nullptr;  // what it holds goes outside the lock
    core::MutexLock lock(mutex_);
    --running_;
    if (--line->second.running == 0 && line->second.tasks.empty()) lines_.erase(line);
    // A tenant that was at its limit may have a task for another thread; when all have been run, all threads may end.
    if (queued_ > 0 || stopping_) changed_.NotifyAll();
  }
}

void FairExecutor::Stop() {
  {
    core::MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

FairExecutor::Stats FairExecutor::stats() const {
  core::MutexLock lock(mutex_);
  return {queued_, running_, refused_};
}

}  // namespace stratus::provisioning::service
