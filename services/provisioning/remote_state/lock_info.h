// The engine's LockInfo, the JSON that says who holds a state, and our mark in it.
//
// A lock that the service sets carries `stratus stack=UID run=UID epoch=N` in its `Info`, so that it can be told later
// whose it was: the lease's epoch decides whether it still counts, not a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace stratus::provisioning::remote_state {

struct LockMark {
  std::string stack_uid;
  std::string run_uid;  // `-`: the service itself, between runs
  int64_t epoch = 0;    // of the stack's lease
};

// `ID`; empty when it is not a LockInfo.
std::string LockIdOf(std::string_view lock_info);

// The mark of one that the service set; nullopt: somebody else's.
std::optional<LockMark> MarkOf(std::string_view lock_info);

// The LockInfo with the mark and the path in it, byte for byte as the engine itself would write it: `tofu force-unlock`
// compares. One that is not JSON stays as it is.
std::string WithMark(std::string_view lock_info, const LockMark& mark, std::string_view path);

// One of the service's own, unmarked.
std::string NewLockInfo(std::string_view id, std::string_view operation, absl::Time created);

// A LockInfo that no one holds, to tell an engine why it gets no lock: it shows `Info`, and does not try again, since
// there is no ID.
std::string RefusalAsLockInfo(std::string_view reason);

}  // namespace stratus::provisioning::remote_state
