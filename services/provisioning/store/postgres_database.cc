#include "services/provisioning/store/postgres_database.h"

#include <utility>

#include "services/provisioning/store/postgres_connection.h"

namespace stratus::provisioning::store {

PostgresDatabase::PostgresDatabase(const Options& options)
    : pool_(options.connections, options.busy_timeout,
            [options] { return PostgresConnection::Open(options.address, options.busy_timeout); }) {}

absl::StatusOr<std::unique_ptr<Database>> PostgresDatabase::Open(const Options& options) {
  std::unique_ptr<PostgresDatabase> database(new PostgresDatabase(options));
  absl::StatusOr<std::unique_ptr<PostgresListener>> listener =
      PostgresListener::Start(options.address, options.busy_timeout, &database->notifier_);
  if (!listener.ok()) return listener.status();
  database->listener_ = *std::move(listener);
  return database;
}

std::shared_ptr<void> PostgresDatabase::Subscribe(std::function<void(std::string_view topic)> callback) {
  return notifier_.Subscribe(std::move(callback));
}

}  // namespace stratus::provisioning::store
