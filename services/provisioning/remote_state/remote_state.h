// States in an S3 bucket, locked in the bucket itself or in a DynamoDB table: laid out byte for byte as OpenTofu's own
// S3 backend does (object, `.tflock` object, lock item and `-md5` item), so that tofu with `backend "s3"` reads, locks
// and writes the same state.
//
// It is the service that reads and writes here, never the engine: the bucket's credentials open every tenant's state,
// and an engine runs a tenant's inputs.
//
// Each write is conditional on what it replaces. Everything here blocks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/remote_state/lock_info.h"
#include "services/provisioning/remote_state/lock_place.h"

namespace stratus::provisioning::remote_state {

struct Options {
  std::string bucket;
  std::string prefix;  // of every key; no slash at either end; may be empty
  std::string region;
  std::string endpoint;       // of what speaks like S3; empty: AWS itself
  std::string lock_table;     // the DynamoDB table of the locks; empty: they lie in the bucket
  std::string lock_endpoint;  // of what speaks like DynamoDB; empty: `endpoint`, or AWS itself
  std::string kms_key;        // for SSE-KMS; empty: as the bucket is set
  // Empty: those that the machine or the container is lent (aws_credentials.h), by `environment`.
  AwsCredentials credentials;
  Lookup environment = [](std::string_view) { return std::nullopt; };
};

// Whose state it is.
struct StateOf {
  std::string tenant;
  std::string stack_uid;
};

class RemoteState {
 public:
  // `http` outlives it; its limit on replies bounds the states.
  RemoteState(http_client::Client* http, const Options& options);

  // OK when bucket and table are there and may be used.
  absl::Status Check();

  // `PREFIX/TENANT/STACK.tfstate`. A tenant's name is percent-encoded where it is not [A-Za-z0-9._-].
  std::string KeyOf(const StateOf& state) const;
  // `s3://BUCKET/KEY`, for people.
  std::string AddressOf(const StateOf& state) const;

  using Object = S3Bucket::Object;
  // nullopt: there is none. Errors of all, beside those named: UNAVAILABLE, PERMISSION_DENIED, FAILED_PRECONDITION.
  absl::StatusOr<std::optional<Object>> Read(const StateOf& state);
  // Replaces the state of that `etag`; an empty one: there must be none. ABORTED: another is there, and not this very
  // text. OK says that the digest is stored too.
  absl::Status Write(const StateOf& state, std::string_view text, std::string_view etag);
  // What the engine checks a state against where locks are in DynamoDB: stored anew where it is not of `text`.
  absl::Status EnsureDigest(const StateOf& state, std::string_view text);
  // With its digest. OK when there is none.
  absl::Status Remove(const StateOf& state);

  // Takes the lock with the engine's LockInfo, marked with `mark`. nullopt: it holds it now, or did before. Else the
  // LockInfo of who holds it. A lock that this service set for the stack in an epoch not later than the mark's, and
  // with another ID, is of a lease that has ended, or of an engine that is gone, and is taken over: the caller must
  // hold the lease at that epoch, and know of no lock in it. Nobody else's lock is ever touched.
  absl::StatusOr<std::optional<std::string>> Lock(const StateOf& state, const LockMark& mark,
                                                  std::string_view lock_info);
  // Releases the lock of that ID where the service had set it. OK when it is gone, or another's.
  absl::Status Unlock(const StateOf& state, std::string_view lock_id);

 private:
  std::string DigestIdOf(const StateOf& state) const;

  const std::string prefix_;
  const std::unique_ptr<CredentialSource> credentials_;
  S3Bucket bucket_;
  std::optional<DynamoTable> table_;
  std::unique_ptr<LockPlace> locks_;
};

}  // namespace stratus::provisioning::remote_state
