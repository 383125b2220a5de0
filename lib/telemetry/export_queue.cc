#include "lib/telemetry/export_queue.h"

#include <utility>

#include "lib/core/clock.h"

namespace stratus::telemetry {

void ExportQueue::Push(FinishedSpans finished) {
  const size_t count = finished.spans.size();
  counters_.Created(count);
  core::MutexLock lock(mutex_);
  if (closed_) return counters_.Dropped(DropReason::kShutdown, count);
  if (spans_ + count > spans_max_) return counters_.Dropped(DropReason::kQueueFull, count);
  const size_t before = spans_;
  spans_ += count;
  waiting_.push_back(std::move(finished));
  if (before < wake_at_ && spans_ >= wake_at_) wake_.NotifyOne();
}

bool ExportQueue::Take(std::vector<FinishedSpans>* out, size_t enough, absl::Duration linger) {
  out->clear();
  core::MutexLock lock(mutex_);
  wake_at_ = 1;
  while (spans_ == 0 && !closed_) wake_.Wait(lock);
  if (spans_ < enough && linger > absl::ZeroDuration()) {
    wake_at_ = enough;
    const absl::Duration until = core::Clock::Real().Monotonic() + linger;
    for (absl::Duration left = linger; spans_ < enough && !closed_ && left > absl::ZeroDuration();
         left = until - core::Clock::Real().Monotonic()) {
      wake_.WaitFor(lock, absl::ToChronoNanoseconds(left));
    }
  }
  out->swap(waiting_);
  const bool any = spans_ > 0;
  spans_ = 0;
  return any || !closed_;
}

void ExportQueue::Close() {
  core::MutexLock lock(mutex_);
  closed_ = true;
  wake_.NotifyAll();
}

bool ExportQueue::closed() const {
  core::MutexLock lock(mutex_);
  return closed_;
}

size_t ExportQueue::spans() const {
  core::MutexLock lock(mutex_);
  return spans_;
}

}  // namespace stratus::telemetry
