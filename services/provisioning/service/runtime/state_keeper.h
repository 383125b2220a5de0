// The rules of a stack's state: who may read, lock and write it, and what may follow what. Each write is one
// transaction that checks lease, epoch and lock, and stores the version with the stack's serial.
//
// The engine's lock belongs to a run and to the epoch of its lease. It ends with the lease, and a new epoch ends it
// too, unless a service that adopts a living engine carries it over. While that is being decided, the engine is told to
// try again.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/store/seal.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::service {

// A lock as the stack's row keeps it: `RUN/ID`.
std::string StoredLock(std::string_view run_uid, std::string_view lock_id);

// What a row's lock means to a run that wants to use the state under the lock `lock_id`.
enum class LockVerdict {
  kMine,      // it holds that lock, in the present epoch
  kFree,      // nobody holds one
  kAnothers,  // somebody holds another one
  kPending,   // it holds that lock of an older epoch: it has yet to be decided whether it goes on
  kNoLease,   // the run has no lease: it may do nothing
};
LockVerdict JudgeLock(const store::StackRow& stack, std::string_view run_uid, std::string_view lock_id);

class StateKeeper {
 public:
  // Both outlive it.
  StateKeeper(store::Store* store, store::Sealer* sealer) : store_(*store), sealer_(*sealer) {}

  // The newest state of a stack, opened; nullopt: there is none.
  absl::StatusOr<std::optional<std::string>> Newest(std::string_view stack_uid);
  // The newest one that was not written by `run_uid`: what the run began with. nullopt: there is none.
  absl::StatusOr<std::optional<std::string>> Before(std::string_view stack_uid, std::string_view run_uid);

  // For the run that holds the lease. Errors of all four: ABORTED: it has no lease, or what is written does not follow
  // on what is there; UNAVAILABLE: try again; NOT_FOUND: no such run; INVALID_ARGUMENT: not a state.
  absl::StatusOr<std::optional<std::string>> Read(std::string_view run_uid);
  // nullopt: it holds the lock now; else the LockInfo of who holds it.
  absl::StatusOr<std::optional<std::string>> Lock(std::string_view run_uid, std::string_view lock_id,
                                                  std::string_view lock_info);
  // The same, for releasing it. A lock that is gone is released.
  absl::StatusOr<std::optional<std::string>> Unlock(std::string_view run_uid, std::string_view lock_id);
  // Stores `text` as the next version. The very same state twice is stored once: an engine repeats a write whose answer
  // was lost.
  absl::Status Write(std::string_view run_uid, std::string_view lock_id, std::string_view text);

  // The same for the service itself, which needs no lock but the lease at `epoch`: a state that the engine left in a
  // file, or one that was edited.
  absl::Status WriteLeft(std::string_view run_uid, int64_t epoch, std::string_view text);

  struct Stats {
    uint64_t writes = 0;
    uint64_t refusals = 0;
  };
  Stats stats() const { return {writes_.load(), refusals_.load()}; }

 private:
  struct Draft;
  using Admission = absl::FunctionRef<absl::Status(const store::StackRow&)>;
  absl::StatusOr<Draft> MakeDraft(std::string_view run_uid, std::string_view text);
  absl::Status Store(std::string_view run_uid, std::string_view text, Admission admit);
  absl::StatusOr<std::string> Open(std::string_view stack_uid, int64_t serial);

  store::Store& store_;
  store::Sealer& sealer_;
  std::atomic<uint64_t> writes_{0};
  std::atomic<uint64_t> refusals_{0};
};

}  // namespace stratus::provisioning::service
