// Work put off to the end of the loop's turn: several responses that finish in one turn share one write, and nothing is
// destroyed below its own feet. All tasks of a turn cost one post to the loop.
#pragma once

#include <memory>
#include <vector>

#include "boost/asio/io_context.hpp"
#include "gateway/loop/handler_memory.h"

namespace stratus::gateway::http {

// Something that can be put off. Must not be destroyed while it is queued, except by its own RunDeferred.
class Deferrable {
 public:
  virtual ~Deferrable() = default;
  virtual void RunDeferred() = 0;

 private:
  friend class DeferredQueue;
  bool queued_ = false;
};

class DeferredQueue {
 public:
  explicit DeferredQueue(boost::asio::io_context& loop);
  DeferredQueue(const DeferredQueue&) = delete;
  DeferredQueue& operator=(const DeferredQueue&) = delete;
  ~DeferredQueue();

  // Runs `task` once, later in this turn or the next; a task that is queued already stays as it is.
  void Add(Deferrable* task);
  // Drops all tasks without running them.
  void Clear();

 private:
  // What the posted operation holds on to: it may outlive the queue.
  struct State {
    HandlerMemory memory;
    DeferredQueue* queue = nullptr;
  };
  struct Runner;

  void Run();

  boost::asio::io_context& loop_;
  std::shared_ptr<State> state_;
  std::vector<Deferrable*> tasks_;
  std::vector<Deferrable*> running_;
  bool posted_ = false;
};

}  // namespace stratus::gateway::http
