#include "gateway/transcode/utf8.h"

#include <cstring>

namespace stratus::gateway::transcode {

bool ValidUtf8(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    uint64_t block;
    if (end - p >= 8 && (std::memcpy(&block, p, 8), (block & 0x8080808080808080u) == 0)) {
      p += 8;
    } else if (static_cast<signed char>(*p) >= 0) {
      ++p;
    } else {
      const int size = Utf8SequenceSize(p, end);
      if (size == 0) return false;
      p += size;
    }
  }
  return true;
}

}  // namespace stratus::gateway::transcode
