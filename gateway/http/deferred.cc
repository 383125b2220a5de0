#include "gateway/http/deferred.h"

#include "boost/asio/post.hpp"

namespace stratus::gateway::http {

struct DeferredQueue::Runner {
  using allocator_type = HandlerAllocator<void>;
  allocator_type get_allocator() const { return allocator_type(&state->memory); }
  void operator()() const {
    if (state->queue != nullptr) state->queue->Run();
  }
  std::shared_ptr<State> state;
};

DeferredQueue::DeferredQueue(boost::asio::io_context& loop) : loop_(loop), state_(std::make_shared<State>()) {
  state_->queue = this;
}

DeferredQueue::~DeferredQueue() { state_->queue = nullptr; }

void DeferredQueue::Add(Deferrable* task) {
  if (task->queued_) return;
  task->queued_ = true;
  tasks_.push_back(task);
  if (posted_) return;
  posted_ = true;
  boost::asio::post(loop_, Runner{state_});
}

void DeferredQueue::Clear() {
  tasks_.clear();
  running_.clear();
}

void DeferredQueue::Run() {
  posted_ = false;
  running_.swap(tasks_);
  // By index: Clear may run inside a task.
  for (size_t i = 0; i < running_.size(); ++i) {
    running_[i]->queued_ = false;
    running_[i]->RunDeferred();
  }
  running_.clear();
}

}  // namespace stratus::gateway::http
