// Every deadline of one loop in one heap over one system timer. Arming and disarming allocate nothing once the heap has
// grown, and the system timer is touched only when the earliest deadline moves forward, so a call that ends long before
// its deadline costs a few nanoseconds.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace stratus::gateway::upstream {

// One deadline. Lives inside its owner, which must disarm it (or let the destructor) before it dies.
class Timer {
 public:
  using Fire = void (*)(void* context);
  Timer(Fire fire, void* context) : fire_(fire), context_(context) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return queue_ != nullptr; }
  void Disarm();

 private:
  friend class TimerQueue;
  Fire fire_;
  void* context_;
  class TimerQueue* queue_ = nullptr;
  size_t index_ = 0;
  int64_t when_ns_ = 0;
};

// Used on the loop's thread only. Outlives its timers' arming.
class TimerQueue {
 public:
  explicit TimerQueue(boost::asio::io_context& io);
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // Monotonic nanoseconds, the clock of Arm.
  static int64_t Now();

  // Runs the timer's function at `when_ns` or soon after, from the loop. Moves a timer that is armed already.
  void Arm(Timer* timer, int64_t when_ns);
  void Disarm(Timer* timer);

 private:
  void Place(size_t index, Timer* timer);
  void SiftUp(size_t index);
  void SiftDown(size_t index);
  void Schedule();
  void OnTick();

  boost::asio::steady_timer system_timer_;
  std::vector<Timer*> heap_;
  int64_t scheduled_ns_ = 0;  // when the system timer goes off; 0: not running
  // Handlers that outlive the queue see this expired.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace stratus::gateway::upstream
