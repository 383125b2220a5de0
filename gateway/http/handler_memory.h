// Memory for one asio operation at a time, kept by whoever starts it, so that a steady connection never calls malloc.
#pragma once

#include <cstddef>
#include <new>

namespace stratus::gateway::http {

class HandlerMemory {
 public:
  HandlerMemory() = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  void* Allocate(size_t size) {
    if (used_ || size > sizeof(storage_)) return ::operator new(size);
    used_ = true;
    return storage_;
  }
  void Deallocate(void* at) {
    if (at == storage_) {
      used_ = false;
    } else {
      ::operator delete(at);
    }
  }

 private:
  alignas(std::max_align_t) std::byte storage_[256];
  bool used_ = false;
};

// The allocator that asio asks a handler for. The handler must keep the memory alive.
template <typename T>
class HandlerAllocator {
 public:
  using value_type = T;
  explicit HandlerAllocator(HandlerMemory* memory) : memory_(memory) {}
  template <typename U>
  HandlerAllocator(const HandlerAllocator<U>& other) : memory_(other.memory()) {}

  T* allocate(size_t count) { return static_cast<T*>(memory_->Allocate(sizeof(T) * count)); }
  void deallocate(T* at, size_t) { memory_->Deallocate(at); }
  HandlerMemory* memory() const { return memory_; }

  template <typename U>
  bool operator==(const HandlerAllocator<U>& other) const {
    return memory_ == other.memory();
  }

 private:
  HandlerMemory* memory_;
};

}  // namespace stratus::gateway::http
