#include "gateway/upstream/timer_queue.h"

#include <chrono>

namespace stratus::gateway::upstream {

Timer::~Timer() { Disarm(); }

void Timer::Disarm() {
  if (queue_ != nullptr) queue_->Disarm(this);
}

TimerQueue::TimerQueue(boost::asio::io_context& io) : system_timer_(io) {}

TimerQueue::~TimerQueue() {
  for (Timer* timer : heap_) timer->queue_ = nullptr;
}

int64_t TimerQueue::Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void TimerQueue::Arm(Timer* timer, int64_t when_ns) {
  if (timer->armed()) Disarm(timer);
  timer->queue_ = this;
  timer->when_ns_ = when_ns;
  heap_.push_back(timer);
  timer->index_ = heap_.size() - 1;
  SiftUp(timer->index_);
  if (scheduled_ns_ == 0 || heap_.front()->when_ns_ < scheduled_ns_) Schedule();
}

void TimerQueue::Disarm(Timer* timer) {
  if (timer->queue_ != this) return;
  const size_t index = timer->index_;
  timer->queue_ = nullptr;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == timer) return;
  Place(index, last);
  SiftUp(index);
  SiftDown(last->index_);
}

void TimerQueue::Place(size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerQueue::SiftUp(size_t index) {
  Timer* timer = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent]->when_ns_ <= timer->when_ns_) break;
    Place(index, heap_[parent]);
    index = parent;
  }
  Place(index, timer);
}

void TimerQueue::SiftDown(size_t index) {
  Timer* timer = heap_[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->when_ns_ < heap_[child]->when_ns_) ++child;
    if (timer->when_ns_ <= heap_[child]->when_ns_) break;
    Place(index, heap_[child]);
    index = child;
  }
  Place(index, timer);
}

void TimerQueue::Schedule() {
  scheduled_ns_ = heap_.front()->when_ns_;
  // Setting a new expiry cancels the wait before it, whose handler then sees operation_aborted.
  system_timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(scheduled_ns_)));
  system_timer_.async_wait([this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    OnTick();
  });
}

void TimerQueue::OnTick() {
  scheduled_ns_ = 0;
  const int64_t now = Now();
  while (!heap_.empty() && heap_.front()->when_ns_ <= now) {
    Timer* timer = heap_.front();
    Disarm(timer);
    timer->fire_(timer->context_);
  }
  if (!heap_.empty() && (scheduled_ns_ == 0 || heap_.front()->when_ns_ < scheduled_ns_)) Schedule();
}

}  // namespace stratus::gateway::upstream
