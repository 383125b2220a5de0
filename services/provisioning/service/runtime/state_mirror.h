// The store's states, kept in a bucket as well: what the bucket has is compared with what the store has, and whichever
// is behind gets what it lacks.
//
// The store stays the one that decides who may write: by lease, epoch and lock. The bucket may be written by others
// too, who run tofu on it by hand: what they left is a version like any other when it follows on the newest one, and
// is never overwritten otherwise.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/remote_state/remote_state.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::service {

class StateMirror {
 public:
  // Both outlive it.
  StateMirror(store::Store* store, remote_state::RemoteState* remote) : store_(*store), remote_(*remote) {}

  struct Standing {
    enum class Kind {
      kInStep,
      kBehind,  // the bucket has nothing, or one of the stack's former versions
      kAhead,   // it has a state that follows on the newest version: `text`
    };
    Kind kind = Kind::kInStep;
    std::string text = {};
    std::string etag = {};  // of what is there; empty: nothing
  };
  // How the bucket stands to the newest version in the stack's row. FAILED_PRECONDITION: what is there is no state, or
  // does not go together with the stack's versions; beside remote_state's errors.
  absl::StatusOr<Standing> Compare(const store::StackRow& stack);

  // Writes `text` where the bucket has the newest version in the row, or `text` already. ABORTED: it has another one.
  absl::Status Follow(const store::StackRow& stack, std::string_view text);
  // Writes the newest version, whose text is `newest`, over the one that `standing` (kBehind) found.
  absl::Status CatchUp(const store::StackRow& stack, const Standing& standing, std::string_view newest);

  // For tofu on the same bucket: what it checks the newest version against is stored anew where it is not of `text`.
  absl::Status EnsureDigest(const store::StackRow& stack, std::string_view text);

  // As RemoteState has them, for a run, or with an empty `run_uid` for the service itself. The lease's epoch is the
  // row's.
  absl::StatusOr<std::optional<std::string>> Lock(const store::StackRow& stack, std::string_view run_uid,
                                                  std::string_view lock_info);
  absl::Status Unlock(const store::StackRow& stack, std::string_view lock_id);

  // The state of a stack that goes is removed from the bucket, unless somebody else has locked it. A failure is logged:
  // nothing depends on it.
  void Forget(const store::StackRow& stack);

 private:
  store::Store& store_;
  remote_state::RemoteState& remote_;
};

}  // namespace stratus::provisioning::service
