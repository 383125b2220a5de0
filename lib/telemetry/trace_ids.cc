#include "lib/telemetry/trace_ids.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/time/clock.h"

namespace stratus::telemetry {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// getrandom gives up to 256 bytes whole, whatever signal comes.
struct Block {
  std::array<unsigned char, 256> bytes;
  size_t used = sizeof(bytes);

  unsigned char Next() {
    if (used == bytes.size()) {
      if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
      used = 0;
    }
    return bytes[used++];
  }
};

}  // namespace

void WriteRandomDigits(char* out, size_t count) {
  thread_local Block block;
  for (size_t i = 0; i < count; i += 2) {
    const unsigned char byte = block.Next();
    out[i] = kHex[byte >> 4];
    if (i + 1 < count) out[i + 1] = kHex[byte & 15];
  }
}

SpanIdDigits NewSpanId() {
  SpanIdDigits id;
  do {
    WriteRandomDigits(id.data(), id.size());
  } while (std::all_of(id.begin(), id.end(), [](char c) { return c == '0'; }));
  return id;
}

TraceIdDigits NewTraceId() {
  TraceIdDigits id;
  const auto seconds = static_cast<uint32_t>(absl::ToUnixSeconds(absl::Now()));
  for (size_t i = 0; i < 8; ++i) id[i] = kHex[seconds >> (28 - 4 * i) & 15];
  WriteRandomDigits(id.data() + 8, id.size() - 8);
  return id;
}

}  // namespace stratus::telemetry
