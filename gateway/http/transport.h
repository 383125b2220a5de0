// The byte stream below a connection: a socket, TLS over a socket, or memory in tests. Everything runs on the
// connection's loop thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace stratus::gateway::http {

class TransportEvents {
 public:
  // Transport::Read has ended. `result` > 0: that many bytes stand in its buffer; 0: the peer has ended its side;
  // < 0: a negated errno.
  virtual void OnRead(ssize_t result) = 0;
  // What AwaitWritable waited for.
  virtual void OnWritable() = 0;

 protected:
  ~TransportEvents() = default;
};

class Transport {
 public:
  // Must be called before anything else.
  virtual void SetEvents(TransportEvents* events) = 0;
  // Waits for bytes and puts up to `room` of them at `to`, which must live until OnRead or Dispose. One at a time.
  virtual void Read(char* to, size_t room) = 0;
  // The same without waiting: the result as OnRead has it, -EAGAIN when there is nothing.
  virtual ssize_t TryRead(char* to, size_t room) = 0;
  // From now on arriving bytes need not wake the loop before so many have come; TryRead gives what there is. A hint,
  // for who polls for a while: a Read needs 1, what it is at first, to end with the first byte.
  virtual void WakeAt(size_t bytes) = 0;
  // How many bytes were taken; -EAGAIN when none can be now, or another negated errno.
  virtual ssize_t TryWrite(std::string_view bytes) = 0;
  virtual void AwaitWritable() = 0;
  // Bytes that were taken by TryWrite and that the peer has not acknowledged yet; 0 where that is not known. Below 0
  // when it has acknowledged some that TryWrite has not counted yet.
  virtual int64_t Unacknowledged() const = 0;
  // Ends our side; the peer reads an end of file once it has read all that was written.
  virtual void ShutdownWrite() = 0;
  // The next Dispose drops what the peer has not got yet, so that it sees an error and no end of file (TCP: a reset).
  virtual void ResetOnDispose() = 0;
  virtual bool secure() const = 0;
  // What the peers agreed on (ALPN): `h2`, `http/1.1`, or empty when there was no agreement and the bytes decide.
  virtual std::string_view application_protocol() const = 0;

  // Closes, and frees when it may. No event comes any more.
  virtual void Dispose() = 0;

 protected:
  ~Transport() = default;
};

struct TransportDisposer {
  void operator()(Transport* transport) const { transport->Dispose(); }
};
using TransportPtr = std::unique_ptr<Transport, TransportDisposer>;

}  // namespace stratus::gateway::http
