#include "gateway/transcode/name_index.h"

#include <utility>

namespace stratus::gateway::transcode {

bool NameIndex::Add(std::string_view name, uint32_t value) {
  if (Find(name) != kNone) return false;
  if (2 * (size_ + 1) > entries_.size()) {
    std::vector<Entry> old(entries_.empty() ? 8 : entries_.size() * 2);
    old.swap(entries_);
    mask_ = entries_.size() - 1;
    for (Entry& entry : old) {
      if (entry.value == kNone) continue;
      const uint64_t hash = HashName(entry.name);
      Insert(std::move(entry), hash);
    }
  }
  const uint64_t hash = HashName(name);
  Insert({std::string(name), static_cast<uint32_t>(hash >> 32), value}, hash);
  ++size_;
  return true;
}

void NameIndex::Insert(Entry entry, uint64_t hash) {
  size_t at = hash & mask_;
  while (entries_[at].value != kNone) at = (at + 1) & mask_;
  entries_[at] = std::move(entry);
}

}  // namespace stratus::gateway::transcode
