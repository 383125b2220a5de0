#include "services/provisioning/store/database_url.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "services/provisioning/store/postgres_database.h"
#include "services/provisioning/store/sqlite_database.h"

namespace stratus::provisioning::store {

absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& url, int connections,
                                                       absl::Duration busy_timeout) {
  if (absl::StartsWith(url, "sqlite:")) {
    const std::string path(absl::StripPrefix(url, "sqlite:"));
    if (path.empty()) return absl::InvalidArgumentError("database URL: `sqlite:` is followed by no path");
    return SqliteDatabase::Open({.path = path, .readers = connections, .busy_timeout = busy_timeout});
  }
  if (absl::StartsWith(url, "postgresql://") || absl::StartsWith(url, "postgres://")) {
    absl::StatusOr<PostgresAddress> address = ParsePostgresUrl(url);
    if (!address.ok()) return address.status();
    return PostgresDatabase::Open(
        {.address = *std::move(address), .connections = connections, .busy_timeout = busy_timeout});
  }
  return absl::InvalidArgumentError("database URL: `postgresql://...` or `sqlite:PATH` is expected");
}

}  // namespace stratus::provisioning::store
