#include "lib/auth/token_memo.h"

#include <cstring>
#include <utility>

namespace stratus::auth {
namespace {

constexpr size_t kWord = sizeof(uint64_t);

uint64_t LoadWord(const char* from) {
  uint64_t word;
  std::memcpy(&word, from, kWord);
  return word;
}

// The text ends in the signature, whose bits are as good as random; the
// multiplication brings all of them to the top six.
size_t SlotOf(std::string_view token) {
  const uint64_t word = LoadWord(token.data() + token.size() - kWord);
  return (word * 0x9E3779B97F4A7C15) >> 58;
}

// Both of one length, at least a word. The last word may overlap the one before.
bool SameBytes(std::string_view a, std::string_view b) {
  uint64_t difference = LoadWord(a.data() + a.size() - kWord) ^ LoadWord(b.data() + b.size() - kWord);
  for (size_t i = 0; i + kWord <= a.size(); i += kWord) {
    difference |= LoadWord(a.data() + i) ^ LoadWord(b.data() + i);
  }
  return difference == 0;
}

}  // namespace

TokenMemo& TokenMemo::OfThisThread() {
  thread_local const auto memo = std::make_unique<TokenMemo>();
  return *memo;
}

const std::shared_ptr<const Principal>* TokenMemo::Find(std::string_view token, uint64_t owner,
                                                        uint64_t generation) const {
  static_assert(kSlots == 64, "SlotOf gives six bits");
  if (token.size() < kWord) return nullptr;
  const Slot& slot = slots_[SlotOf(token)];
  if (slot.owner != owner || slot.generation != generation || slot.token_bytes != token.size()) return nullptr;
  return SameBytes(slot.text(), token) ? &slot.principal : nullptr;
}

void TokenMemo::Offer(std::string_view token, uint64_t owner, uint64_t generation,
                      const std::shared_ptr<const Principal>& principal) {
  if (token.size() < kWord || token.size() > kTokenBytesMax) return;
  Slot& slot = slots_[SlotOf(token)];
  const uint64_t tail = LoadWord(token.data() + token.size() - kWord);
  if (std::exchange(slot.offered, tail) != tail) return;
  std::memcpy(slot.token.data(), token.data(), token.size());
  slot.token_bytes = token.size();
  slot.owner = owner;
  slot.generation = generation;
  slot.principal = principal;
}

}  // namespace stratus::auth
