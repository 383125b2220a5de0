// The rules of a stack's state: who may read, lock and write it, and what may follow what. Each write is one
// transaction that checks lease, epoch and lock, and stores the version with the stack's serial.
//
// With a mirror the states are in a bucket as well, and the lock too: what the engine is told is true of both. Each
// write goes to the bucket first, and then into the store, where the next look takes up what got no further.
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
#include "lib/core/mutex.h"
#include "services/provisioning/service/runtime/state_document.h"
#include "services/provisioning/service/runtime/state_mirror.h"
#include "services/provisioning/store/seal.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::service {

// A lock as the stack's row keeps it: `RUN/ID`.
std::string StoredLock(std::string_view run_uid, std::string_view lock_id);

// Takes the engine's lock off the row.
void ClearLock(store::StackRow* stack);

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
  // All outlive it. `mirror` may be null: then the states are in the store alone.
  StateKeeper(store::Store* store, store::Sealer* sealer, StateMirror* mirror = nullptr)
      : store_(*store), sealer_(*sealer), mirror_(mirror) {}

  // The newest state of a stack, opened; nullopt: there is none.
  absl::StatusOr<std::optional<std::string>> Newest(std::string_view stack_uid);
  // The newest one that was not written by `run_uid`: what the run began with. nullopt: there is none.
  absl::StatusOr<std::optional<std::string>> Before(std::string_view stack_uid, std::string_view run_uid);

  // For the run that holds the lease. Errors of all four: ABORTED: it has no lease, or what is written does not follow
  // on what is there; UNAVAILABLE: try again; NOT_FOUND: no such run; INVALID_ARGUMENT: not a state; PERMISSION_DENIED
  // and FAILED_PRECONDITION: the bucket refuses.
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

  // Makes a version of what the bucket has and the store has not: one that an engine of the run wrote there, when it
  // has `begun`, else somebody else's. For the run that holds the lease at `epoch`; nothing without a mirror.
  // FAILED_PRECONDITION says what is wrong with the bucket's state.
  absl::Status TakeIn(std::string_view run_uid, int64_t epoch, bool begun);

  // Takes away the lock that an engine of the run left, which is known to be gone. What cannot be released in the
  // bucket is taken over by whoever locks the state next.
  void ReleaseLeft(std::string_view run_uid, int64_t epoch);

  // Brings a version that was made without a run into the bucket. A failure is logged: the next run does it too.
  void Publish(std::string_view stack_uid);

  // Takes the state of a stack that is about to be deleted from the bucket. For the run that holds its lease.
  void Forget(std::string_view run_uid);

  struct Stats {
    uint64_t writes = 0;
    uint64_t refusals = 0;
  };
  Stats stats() const { return {writes_.load(), refusals_.load()}; }

 private:
  struct Draft;
  using Admission = absl::FunctionRef<absl::Status(const store::StackRow&)>;
  enum class Origin {
    kRun,          // the run wrote it
    kRunMirrored,  // the same, and it is in the bucket already
    kOthers,       // somebody else did, in the bucket
  };
  absl::Status Judge(std::string_view run_uid, Admission admit);
  absl::StatusOr<StateDocument> ReadOne(std::string_view text);
  absl::StatusOr<Draft> MakeDraft(std::string_view run_uid, std::string_view text, Origin origin);
  absl::Status Store(std::string_view run_uid, std::string_view text, Admission admit, Origin origin);
  absl::StatusOr<std::optional<std::string>> LockRow(std::string_view run_uid, std::string_view lock_id,
                                                     std::string_view lock_info);
  absl::StatusOr<std::optional<std::string>> UnlockRow(std::string_view run_uid, std::string_view lock_id);
  absl::StatusOr<std::optional<std::string>> LockMirror(std::string_view run_uid, std::string_view lock_id,
                                                        std::string_view lock_info);
  absl::StatusOr<store::StackRow> StackOf(std::string_view run_uid);
  absl::Status BringInStep(std::string_view run_uid, const store::StackRow& stack);
  absl::Status WriteLeftLocked(std::string_view run_uid, int64_t epoch, std::string_view text);
  absl::Status StoreLeft(std::string_view run_uid, int64_t epoch, std::string_view text, Origin origin);
  absl::StatusOr<std::string> Open(std::string_view stack_uid, int64_t serial);

  store::Store& store_;
  store::Sealer& sealer_;
  StateMirror* const mirror_;
  core::Mutex reading_;  // while a large state is read
  std::atomic<uint64_t> writes_{0};
  std::atomic<uint64_t> refusals_{0};
};

}  // namespace stratus::provisioning::service
