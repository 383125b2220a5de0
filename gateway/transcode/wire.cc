#include "gateway/transcode/wire.h"

namespace stratus::gateway::transcode {

const char* ReadLongVarint(const char* p, const char* end, uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 70 && p < end; shift += 7) {
    const uint64_t byte = static_cast<uint8_t>(*p++);
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return p;
    }
  }
  return nullptr;
}

const char* SkipValue(uint32_t tag, const char* p, const char* end, int depth_max) {
  uint64_t bits;
  size_t length;
  switch (tag & 7) {
    case kVarint: return ReadVarint(p, end, &bits);
    case kFixed64: return end - p < 8 ? nullptr : p + 8;
    case kFixed32: return end - p < 4 ? nullptr : p + 4;
    case kLength: p = ReadLength(p, end, &length); return p == nullptr ? nullptr : p + length;
    case kStartGroup: {
      const char* content_end;
      return ReadGroup(tag, p, end, depth_max, &content_end);
    }
    default: return nullptr;
  }
}

const char* ReadGroup(uint32_t start_tag, const char* p, const char* end, int depth_max, const char** content_end) {
  if (depth_max <= 0) return nullptr;
  while (p < end) {
    *content_end = p;
    uint32_t tag;
    p = ReadTag(p, end, &tag);
    if (p == nullptr) return nullptr;
    if ((tag & 7) == kEndGroup) return (tag >> 3) == (start_tag >> 3) ? p : nullptr;
    p = SkipValue(tag, p, end, depth_max - 1);
    if (p == nullptr) return nullptr;
  }
  return nullptr;
}

}  // namespace stratus::gateway::transcode
