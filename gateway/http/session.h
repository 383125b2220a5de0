// A protocol spoken on a connection: HTTP/1.x or HTTP/2. The connection moves the bytes, the session understands them.
#pragma once

#include <cstddef>
#include <string_view>

namespace stratus::gateway::http {

class Session {
 public:
  virtual ~Session() = default;

  // Bytes from the client; the session takes all of them.
  virtual void OnInput(std::string_view input) = 0;
  // Goes on with what was put off, after Connection::ScheduleResume.
  virtual void OnResume() {}
  // The client has ended its side. Nothing more comes.
  virtual void OnEnd() = 0;
  // The connection is broken or being closed: every exchange in flight is aborted, inside this call.
  virtual void OnLost() = 0;
  // Whether to read on. When this becomes true by itself, the session calls Connection::ScheduleResume.
  virtual bool wants_input() const = 0;
  // Puts what is ready into the connection's output, before it is written.
  virtual void Produce() {}
  // Output has gone to the kernel; offsets into the output buffer have fallen by `shift`.
  virtual void OnSent(size_t shift) = 0;
  // The time set by Connection::SetReadTimeout has passed.
  virtual void OnReadTimeout() = 0;
  // Comes with every tick of the listener's clock. `acknowledged`: bytes of output that the peer's system has taken
  // since the tick before, while there was output that it had to take.
  virtual void OnTick(size_t acknowledged) = 0;
  // No request is under way: at most a part of a head is here.
  virtual bool idle() const = 0;
  // Bytes of memory held for what is under way, beside the connection's output.
  virtual size_t held_bytes() const = 0;
  // Finish what is in flight, take nothing new, then close.
  virtual void Drain() = 0;
};

}  // namespace stratus::gateway::http
