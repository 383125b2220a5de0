// Call objects of one worker, kept for reuse: a warm worker makes none.
#pragma once

#include <memory>
#include <vector>

namespace stratus::gateway::proxy {

template <typename CallType>
class CallPool {
 public:
  // As many objects exist as calls were ever under way at once, which the limits on connections and streams bound.
  template <typename... Args>
  CallType* Take(Args&&... args) {
    if (free_.empty()) {
      all_.push_back(std::make_unique<CallType>(std::forward<Args>(args)..., this));
      free_.reserve(all_.capacity());
      return all_.back().get();
    }
    CallType* call = free_.back();
    free_.pop_back();
    return call;
  }
  void Give(CallType* call) { free_.push_back(call); }
  size_t in_use() const { return all_.size() - free_.size(); }

 private:
  std::vector<std::unique_ptr<CallType>> all_;
  std::vector<CallType*> free_;
};

}  // namespace stratus::gateway::proxy
