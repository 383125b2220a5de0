// Where the lock of a state lies: an object beside it, or an item of a DynamoDB table. Both as OpenTofu's own S3
// backend has them, so that whoever runs tofu on the same bucket and this service respect each other.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/remote_state/dynamo_table.h"
#include "services/provisioning/remote_state/s3_bucket.h"

namespace stratus::provisioning::remote_state {

class LockPlace {
 public:
  virtual ~LockPlace() = default;

  struct Held {
    std::string info;     // LockInfo
    std::string version;  // of what was read, for Replace and Remove
  };
  // `key` is the state's. nullopt: nobody holds a lock.
  virtual absl::StatusOr<std::optional<Held>> Read(std::string_view key) = 0;
  // ABORTED: there is another one than `was`, or one at all where `was` is nullopt.
  virtual absl::Status Replace(std::string_view key, std::string_view info, const std::optional<Held>& was) = 0;
  virtual absl::Status Remove(std::string_view key, const Held& was) = 0;
};

// `KEY.tflock`, by conditional writes.
std::unique_ptr<LockPlace> LockInBucket(S3Bucket* bucket);
// The item `BUCKET/KEY` with the attribute `Info`.
std::unique_ptr<LockPlace> LockInTable(DynamoTable* table, std::string bucket);

}  // namespace stratus::provisioning::remote_state
