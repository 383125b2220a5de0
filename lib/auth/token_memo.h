// The tokens that this thread saw last, found without a hash: most calls in a row carry the same few.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "lib/auth/principal.h"

namespace stratus::auth {

// In front of TokenCache, one a thread, with no lock. Why this is sound:
// - A hit needs the whole text of the token to be equal, byte for byte, to one that this thread has verified (or found
// in
//   the TokenCache): the same bytes under the same keys have the same verdict. The slot is chosen by a few bytes of the
//   signature, but the slot decides nothing.
// - Every entry is of one authenticator (`owner`, never reused) and of one generation of its key set; a set that
// changes
//   makes every entry a miss. `exp` is the caller's to check at each hit.
// - The comparison takes the same time wherever the texts differ, so that timing does not tell a stranger how much of a
//   guess is right. It does tell that a slot holds a token of the same length, which is no secret.
// - It keeps token texts in memory, as a connection's buffers do anyway; they are never written out. The room for them,
//   kSlots * kTokenBytesMax, is allocated once a thread and no more.
class TokenMemo {
 public:
  static constexpr size_t kSlots = 64;
  // Longer tokens are left to the TokenCache.
  static constexpr size_t kTokenBytesMax = 2048;

  static TokenMemo& OfThisThread();

  // Null when absent. Valid until the next Offer on this thread.
  const std::shared_ptr<const Principal>* Find(std::string_view token, uint64_t owner, uint64_t generation) const;

  // Offers a verified token. It is kept when it is offered twice with no other one for its slot in between: where more
  // tokens are in use than there are slots, most calls would else pay for a copy that no call has any use of.
  void Offer(std::string_view token, uint64_t owner, uint64_t generation,
             const std::shared_ptr<const Principal>& principal);

 private:
  struct Slot {
    std::string_view text() const { return {token.data(), token_bytes}; }

    std::array<char, kTokenBytesMax> token;
    size_t token_bytes = 0;
    uint64_t offered = 0;  // the last bytes of the token offered last
    uint64_t owner = 0;
    uint64_t generation = 0;
    std::shared_ptr<const Principal> principal;
  };

  std::array<Slot, kSlots> slots_;
};

}  // namespace stratus::auth
