// The body of a request that is coded and wanted whole, decoded a piece at a time: however well it was packed, the
// other calls of the loop have their turn between two pieces.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "gateway/filter/content_coding.h"
#include "gateway/transcode/buffer.h"
#include "gateway/upstream/timer_queue.h"

namespace stratus::gateway::proxy {

class CodedBody {
 public:
  // `go_on` with `context` comes from the loop, when Decode is to be called again.
  CodedBody(upstream::TimerQueue* timers, upstream::Timer::Fire go_on, void* context)
      : timers_(timers), again_(go_on, context) {}

  void Add(std::string_view piece) { rest_.Append(piece); }
  // Appends a piece of what was added, as filter::AppendDecoded does. Afterwards all has been decoded, unless
  // pending().
  filter::DecodeResult Decode(filter::BodyReader* reader, size_t bytes_max, Buffer* out,
                              absl::FunctionRef<bool(size_t more)> has_room);
  // Whether go_on will come.
  bool pending() const { return again_.armed(); }
  size_t held_bytes() const { return rest_.capacity(); }
  void Reset();

 private:
  upstream::TimerQueue* const timers_;
  upstream::Timer again_;
  Buffer rest_;  // not decoded yet
};

}  // namespace stratus::gateway::proxy
