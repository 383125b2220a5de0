// What the connections of one listener share. All of it belongs to the loop's thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "boost/asio/io_context.hpp"
#include "gateway/http/buffer_pool.h"
#include "gateway/http/date_cache.h"
#include "gateway/http/deferred.h"
#include "gateway/http/exchange.h"
#include "gateway/http/h2_stream.h"
#include "gateway/http/limits.h"
#include "gateway/http/listener_stats.h"
#include "gateway/http/rate_floor.h"
#include "gateway/loop/memory_pool.h"

namespace stratus::gateway::http {

// Time as timeouts see it: a listener counts ticks while it has connections, so that setting a timeout costs no look at
// a clock. A timeout ends up to one tick late, never early.
struct TickClock {
  explicit TickClock(const Limits& limits)
      : period(std::clamp(std::min({limits.header_timeout, limits.idle_timeout, limits.stall_timeout}) / 4,
                          absl::Milliseconds(10), absl::Seconds(1))),
        header(Count(limits.header_timeout)),
        idle(Count(limits.idle_timeout)),
        stall(Count(limits.stall_timeout)),
        linger(Count(absl::Seconds(2))),
        floor{.ticks = absl::FDivDuration(limits.slow_grace, period),
              .bytes_per_tick = limits.bytes_per_second_min * absl::ToDoubleSeconds(period)} {}

  // Ticks that surely cover `time`: the one under way does not count.
  uint64_t Count(absl::Duration time) const { return static_cast<uint64_t>(absl::Ceil(time, period) / period) + 1; }

  absl::Duration period;
  uint64_t now = 0;
  uint64_t header;
  uint64_t idle;
  uint64_t stall;
  uint64_t linger;
  RateFloor::Rule floor;  // of whoever owes us bytes, or the taking of them
};

struct Context {
  // One piece of bulk input, read by whichever connection's turn it is.
  static constexpr size_t kScratchBytes = 64 << 10;

  Context(boost::asio::io_context& io, const Limits& bounds, Service* to)
      : loop(io), limits(bounds), service(to), clock(bounds), deferred(io) {}

  boost::asio::io_context& loop;
  const Limits limits;
  Service* const service;
  TickClock clock;
  DeferredQueue deferred;
  BufferPool buffers;
  MemoryPool memory;
  H2StreamPool streams;
  DateCache date;
  uint64_t inputs = 0;  // counts reads, so that connections are in the order of their last one
  ListenerStats stats;
  const std::unique_ptr<char[]> scratch = std::make_unique<char[]>(kScratchBytes);
};

}  // namespace stratus::gateway::http
