// A PostgreSQL server: one pool of connections for reads and writes, and one connection that listens.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/connection_pool.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/notifier.h"
#include "services/provisioning/store/postgres_link.h"
#include "services/provisioning/store/postgres_listener.h"

namespace stratus::provisioning::store {

class PostgresDatabase final : public Database {
 public:
  struct Options {
    PostgresAddress address;
    int connections = 8;
    absl::Duration busy_timeout = absl::Seconds(10);
  };
  // UNAVAILABLE: the server does not answer.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const Options& options);

  std::string_view product() const override { return "PostgreSQL"; }
  absl::StatusOr<PooledConnection> Reader() override { return pool_.Take(); }
  absl::StatusOr<PooledConnection> Writer() override { return pool_.Take(); }
  PoolUse use() override { return pool_.use(); }
  std::shared_ptr<void> Subscribe(std::function<void(std::string_view topic)> callback) override;

 private:
  explicit PostgresDatabase(const Options& options);

  ConnectionPool pool_;
  Notifier notifier_;
  std::unique_ptr<PostgresListener> listener_;  // after notifier_: it goes first
};

}  // namespace stratus::provisioning::store
