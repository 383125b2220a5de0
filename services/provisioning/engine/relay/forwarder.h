// Carries connections between loopback ports and Unix sockets, until the process that it serves is gone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stratus::relay {

inline constexpr size_t kMapsMax = 8;
inline constexpr size_t kConnectionsMax = 256;  // past it, more wait in the ports' queues
inline constexpr size_t kBufferBytes = 16 << 10;

struct Map {
  int listener = -1;             // bound and listening, non-blocking
  const char* socket = nullptr;  // where its connections go
};

// One way of a connection. `from` is not read while bytes wait for `to`: the buffer is the bound.
struct Flow {
  char bytes[kBufferBytes];
  size_t begin = 0;
  size_t end = 0;
  bool read_ended = false;   // `from` has no more
  bool write_ended = false;  // and `to` has been told
};

struct Connection {
  int tcp = -1;
  int unix_fd = -1;
  Flow out;  // from the run
  Flow in;
};

class Forwarder {
 public:
  // `served` is a pidfd.
  Forwarder(const Map* maps, size_t maps_size, int served) : maps_(maps), maps_size_(maps_size), served_(served) {}

  // Returns when `served` has ended.
  void Run();

 private:
  void Accept(const Map& map);
  void Close(size_t index);

  const Map* const maps_;
  const size_t maps_size_;
  const int served_;
  Connection* connections_[kConnectionsMax] = {};
  size_t size_ = 0;
};

}  // namespace stratus::relay
