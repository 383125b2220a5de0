// Names to small numbers: an open-addressing hash table, built once, that touches one cache line for most lookups.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace stratus::gateway::transcode {

// Reads at most the name's own bytes.
inline uint64_t HashName(std::string_view name) {
  const char* p = name.data();
  const size_t n = name.size();
  uint64_t a = 0;
  uint64_t b = 0;
  if (n >= 8) {
    std::memcpy(&a, p, 8);
    std::memcpy(&b, p + n - 8, 8);
    // The middle of long names counts as well: names that differ only there must not pile up in one place.
    for (size_t i = 8; i + 16 <= n; i += 8) {
      uint64_t middle;
      std::memcpy(&middle, p + i, 8);
      a = (a ^ middle) * 0x9e3779b97f4a7c15u;
    }
  } else if (n >= 4) {
    uint32_t low;
    uint32_t high;
    std::memcpy(&low, p, 4);
    std::memcpy(&high, p + n - 4, 4);
    a = low;
    b = high;
  } else if (n > 0) {
    a = static_cast<uint64_t>(static_cast<uint8_t>(p[0])) | static_cast<uint64_t>(static_cast<uint8_t>(p[n / 2])) << 8 |
        static_cast<uint64_t>(static_cast<uint8_t>(p[n - 1])) << 16;
  }
  const auto product = static_cast<unsigned __int128>(a ^ 0xa0761d6478bd642fu) * (b ^ n ^ 0xe7037ed1a0b428dbu);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

class NameIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // False when the name is there already: the first one stays.
  bool Add(std::string_view name, uint32_t value);

  uint32_t Find(std::string_view name) const {
    if (entries_.empty()) return kNone;
    const uint64_t hash = HashName(name);
    for (size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Entry& entry = entries_[at];
      if (entry.value == kNone) return kNone;
      if (entry.hash == static_cast<uint32_t>(hash >> 32) && entry.name == name) return entry.value;
    }
  }

 private:
  struct Entry {
    std::string name;
    uint32_t hash = 0;
    uint32_t value = kNone;
  };
  void Insert(Entry entry, uint64_t hash);

  std::vector<Entry> entries_;  // a power of two, at most half full
  size_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace stratus::gateway::transcode
