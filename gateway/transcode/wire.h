// Reading and writing the Protobuf wire format, bytes at a time. Readers return the place behind what they read, or
// null when the input is malformed or ends too early.
#pragma once

#include <cstdint>
#include <cstring>

namespace stratus::gateway::transcode {

enum WireType : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kLength = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

inline constexpr int kVarintSizeMax = 10;

const char* ReadLongVarint(const char* p, const char* end, uint64_t* value);

inline const char* ReadVarint(const char* p, const char* end, uint64_t* value) {
  if (p < end && static_cast<signed char>(*p) >= 0) [[likely]] {
    *value = static_cast<uint8_t>(*p);
    return p + 1;
  }
  return ReadLongVarint(p, end, value);
}

// Field number 0 and numbers beyond 2^29 - 1 are malformed.
inline const char* ReadTag(const char* p, const char* end, uint32_t* tag) {
  uint64_t value;
  p = ReadVarint(p, end, &value);
  if (p == nullptr || value > UINT32_MAX || value < 8) [[unlikely]] {
    *tag = 0;
    return nullptr;
  }
  *tag = static_cast<uint32_t>(value);
  return p;
}

// The length of a length-delimited value, which lies wholly before `end`.
inline const char* ReadLength(const char* p, const char* end, size_t* length) {
  uint64_t value;
  p = ReadVarint(p, end, &value);
  if (p == nullptr || value > static_cast<uint64_t>(end - p)) [[unlikely]] {
    *length = 0;
    return nullptr;
  }
  *length = static_cast<size_t>(value);
  return p;
}

inline uint32_t LoadFixed32(const char* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

inline uint64_t LoadFixed64(const char* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// A scalar of any of the three scalar wire types, as its bits.
inline const char* ReadScalar(uint32_t wire_type, const char* p, const char* end, uint64_t* bits) {
  if (wire_type == kVarint) return ReadVarint(p, end, bits);
  if (wire_type == kFixed64) {
    if (end - p < 8) return nullptr;
    *bits = LoadFixed64(p);
    return p + 8;
  }
  if (end - p < 4) return nullptr;
  *bits = LoadFixed32(p);
  return p + 4;
}

// Past the value of a field whose tag was read. Groups may nest `depth_max` deep.
const char* SkipValue(uint32_t tag, const char* p, const char* end, int depth_max);

// A group's content: from behind its start tag to its end tag. Returns the place behind the end tag.
const char* ReadGroup(uint32_t start_tag, const char* p, const char* end, int depth_max, const char** content_end);

inline int VarintSize(uint64_t value) { return (9 * (63 - __builtin_clzll(value | 1)) + 73) / 64; }

inline char* WriteVarint(char* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t UnZigZag(uint64_t bits) { return static_cast<int64_t>((bits >> 1) ^ (~(bits & 1) + 1)); }

}  // namespace stratus::gateway::transcode
