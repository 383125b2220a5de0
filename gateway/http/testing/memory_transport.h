// A transport without a socket: input is given piece by piece, output is kept, and the caller decides how much of it is
// taken. For fuzzers and for tests of what only an unlucky kernel does.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "gateway/http/transport.h"

namespace stratus::gateway::http::testing {

class MemoryTransport final : public Transport {
 public:
  // Hands `bytes` to the connection, as far as it reads; false when it has stopped reading.
  bool Deliver(std::string_view bytes) {
    input_ = bytes;
    while (!input_.empty()) {
      if (!WantsRead()) return false;
      const size_t size = std::min(room_, input_.size());
      std::memcpy(to_, input_.data(), size);
      input_.remove_prefix(size);
      to_ = nullptr;
      events_->OnRead(static_cast<ssize_t>(size));
    }
    return true;
  }
  void DeliverEnd() {
    if (!WantsRead()) return;
    to_ = nullptr;
    events_->OnRead(0);
  }
  // Lets `bytes` more of the output through.
  void Allow(size_t bytes) {
    allowance_ += bytes;
    if (!awaits_writable_ || events_ == nullptr) return;
    awaits_writable_ = false;
    events_->OnWritable();
  }
  // Lets none through until the next Allow.
  void Forbid() { allowance_ = 0; }
  const std::string& output() const { return output_; }
  bool disposed() const { return events_ == nullptr; }

  void SetEvents(TransportEvents* events) override { events_ = events; }
  void Read(char* to, size_t room) override { to_ = to, room_ = room; }
  ssize_t TryRead(char* to, size_t room) override {
    const size_t size = std::min(room, input_.size());
    if (size == 0) return -EAGAIN;
    std::memcpy(to, input_.data(), size);
    input_.remove_prefix(size);
    return static_cast<ssize_t>(size);
  }
  void WakeAt(size_t) override {}

  ssize_t TryWrite(std::string_view bytes) override {
    const size_t size = std::min(allowance_, bytes.size());
    if (size == 0) return -EAGAIN;
    output_ += bytes.substr(0, size);
    allowance_ -= size;
    return static_cast<ssize_t>(size);
  }
  void AwaitWritable() override { awaits_writable_ = true; }
  int64_t Unacknowledged() const override { return 0; }
  void ShutdownWrite() override {}
  void ResetOnDispose() override {}
  bool secure() const override { return false; }
  std::string_view application_protocol() const override { return {}; }
  // Whoever made it frees it.
  void Dispose() override { events_ = nullptr; }

 private:
  bool WantsRead() const { return events_ != nullptr && to_ != nullptr; }

  TransportEvents* events_ = nullptr;
  std::string_view input_;
  char* to_ = nullptr;
  size_t room_ = 0;
  std::string output_;
  size_t allowance_ = 0;
  bool awaits_writable_ = false;
};

}  // namespace stratus::gateway::http::testing
