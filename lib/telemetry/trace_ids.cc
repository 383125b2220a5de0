#include "lib/telemetry/trace_ids.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace stratus::telemetry {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// OpenSSL's generator is seeded by the system's and makes these for 0.5 to 1 ns a byte; getrandom took 4 to 8.
struct Block {
  std::array<unsigned char, 2048> bytes;
  size_t used = sizeof(bytes);

  unsigned char Next() {
    if (used == bytes.size()) {
      if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) std::abort();
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
  const auto seconds = static_cast<uint32_t>(std::time(nullptr));
  for (size_t i = 0; i < 8; ++i) id[i] = kHex[seconds >> (28 - 4 * i) & 15];
  WriteRandomDigits(id.data() + 8, id.size() - 8);
  return id;
}

}  // namespace stratus::telemetry
