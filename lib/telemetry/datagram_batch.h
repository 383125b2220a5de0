// Datagrams on their way to one UDP socket, by as few calls of the kernel as will do. What has become of each is told
// as exactly as UDP can: on one machine that is known by the time a datagram was sent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

namespace stratus::telemetry {

class DatagramBatch {
 public:
  static constexpr size_t kDatagramsMax = 64;
  static constexpr size_t kBytesMax = 128 << 10;

  // Hears of each datagram in its turn: the spans that it holds; 0, or the errno of what has become of it.
  using Report = absl::FunctionRef<void(size_t spans, int error)>;

  bool empty() const { return datagrams_.empty(); }
  bool full() const { return datagrams_.size() >= kDatagramsMax || text_.size() >= kBytesMax; }

  // Not to one that is full.
  void Add(std::string_view header, std::string_view document, size_t spans);

  // Sends all and forgets them. `socket`: connected; its SO_SNDTIMEO is how long one datagram may wait for room, and
  // once one has waited in vain the others do not wait.
  void Send(int socket, Report report);
  // Forgets all without sending them.
  void Abandon(absl::FunctionRef<void(size_t spans)> report);

 private:
  struct Datagram {
    size_t at;  // in text_
    size_t size;
    size_t spans;
  };
  // What one call says of one datagram.
  struct Outcome {
    int failed = 0;    // why it was not sent
    int reported = 0;  // what the socket told after it was sent
  };

  // How many went.
  size_t SendTogether(int socket) const;
  Outcome SendAlone(int socket, const Datagram& datagram, int flags) const;
  void Clear();

  std::string text_;
  std::vector<Datagram> datagrams_;
};

}  // namespace stratus::telemetry
