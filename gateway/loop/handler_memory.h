// Memory for asio's handlers that a connection has pending again and again, so that waiting for the next read or the
// next turn allocates nothing.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace stratus::gateway {

// Room for one handler at a time; a second one, or a bigger one, falls back to the heap.
class HandlerMemory {
 public:
  HandlerMemory() = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  void* Allocate(size_t size) {
    if (taken_ || size > sizeof(room_)) return ::operator new(size);
    taken_ = true;
    return room_;
  }
  void Free(void* memory) {
    if (memory == room_) {
      taken_ = false;
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) unsigned char room_[256];
  bool taken_ = false;
};

// The allocator that asio asks a handler for. The handler must keep the memory alive.
template <typename T>
class HandlerAllocator {
 public:
  using value_type = T;
  explicit HandlerAllocator(HandlerMemory* memory) : memory_(memory) {}
  template <typename U>
  HandlerAllocator(const HandlerAllocator<U>& other) : memory_(other.memory()) {}

  T* allocate(size_t count) { return static_cast<T*>(memory_->Allocate(count * sizeof(T))); }
  void deallocate(T* memory, size_t) { memory_->Free(memory); }
  HandlerMemory* memory() const { return memory_; }

  template <typename U>
  bool operator==(const HandlerAllocator<U>& other) const {
    return memory_ == other.memory();
  }
  template <typename U>
  bool operator!=(const HandlerAllocator<U>& other) const {
    return memory_ != other.memory();
  }

 private:
  HandlerMemory* memory_;
};

// A handler that asio allocates from `memory`. The owner of the memory must be kept alive by the handler itself.
template <typename Handler>
class PooledHandler {
 public:
  using allocator_type = HandlerAllocator<Handler>;
  PooledHandler(HandlerMemory* memory, Handler handler) : memory_(memory), handler_(std::move(handler)) {}

  allocator_type get_allocator() const noexcept { return allocator_type(memory_); }
  template <typename... Args>
  void operator()(Args&&... args) {
    handler_(std::forward<Args>(args)...);
  }

 private:
  HandlerMemory* memory_;
  Handler handler_;
};

}  // namespace stratus::gateway
