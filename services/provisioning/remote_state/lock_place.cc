#include "services/provisioning/remote_state/lock_place.h"

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::remote_state {
namespace {

class BucketLock final : public LockPlace {
 public:
  explicit BucketLock(S3Bucket* bucket) : bucket_(*bucket) {}

  absl::StatusOr<std::optional<Held>> Read(std::string_view key) override {
    auto object = bucket_.Get(KeyOf(key));
    if (absl::IsNotFound(object.status())) return std::nullopt;
    if (!object.ok()) return object.status();
    return Held{std::move(object->body), std::move(object->etag)};
  }
  absl::Status Replace(std::string_view key, std::string_view info, const std::optional<Held>& was) override {
    return bucket_.Put(KeyOf(key), info, was ? was->version : "");
  }
  absl::Status Remove(std::string_view key, const Held& was) override {
    return bucket_.Remove(KeyOf(key), was.version);
  }

 private:
  static std::string KeyOf(std::string_view key) { return std::string(key).append(".tflock"); }
  S3Bucket& bucket_;
};

class TableLock final : public LockPlace {
 public:
  TableLock(DynamoTable* table, std::string bucket) : table_(*table), bucket_(std::move(bucket)) {}

  absl::StatusOr<std::optional<Held>> Read(std::string_view key) override {
    auto info = table_.Get(IdOf(key), kInfo);
    if (!info.ok()) return info.status();
    if (!info->has_value()) return std::nullopt;
    return Held{**info, **info};
  }
  absl::Status Replace(std::string_view key, std::string_view info, const std::optional<Held>& was) override {
    return table_.Replace(IdOf(key), kInfo, info, was ? std::optional(was->version) : std::nullopt);
  }
  absl::Status Remove(std::string_view key, const Held& was) override {
    return table_.Remove(IdOf(key), kInfo, was.version);
  }

 private:
  static constexpr char kInfo[] = "Info";
  std::string IdOf(std::string_view key) const { return absl::StrCat(bucket_, "/", core::ToAbsl(key)); }
  DynamoTable& table_;
  const std::string bucket_;
};

}  // namespace

std::unique_ptr<LockPlace> LockInBucket(S3Bucket* bucket) { return std::make_unique<BucketLock>(bucket); }

std::unique_ptr<LockPlace> LockInTable(DynamoTable* table, std::string bucket) {
  return std::make_unique<TableLock>(table, std::move(bucket));
}

}  // namespace stratus::provisioning::remote_state
