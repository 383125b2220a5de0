// A SQLite file: one writer, a pool of readers, WAL, every commit on the disk.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/connection_pool.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/notifier.h"

namespace stratus::provisioning::store {

class SqliteDatabase final : public Database {
 public:
  struct Options {
    std::string path;
    int readers = 8;
    absl::Duration busy_timeout = absl::Seconds(10);
  };
  // Makes the file (0600) when it is not there; its folder must be. DATA_LOSS: it is damaged.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const Options& options);

  std::string_view product() const override { return "SQLite"; }
  absl::StatusOr<PooledConnection> Reader() override { return readers_.Take(); }
  absl::StatusOr<PooledConnection> Writer() override { return writer_.Take(); }
  PoolUse use() override;
  std::shared_ptr<void> Subscribe(std::function<void(std::string_view topic)> callback) override;

 private:
  explicit SqliteDatabase(const Options& options);

  Notifier notifier_;
  ConnectionPool writer_;
  ConnectionPool readers_;
};

}  // namespace stratus::provisioning::store
