// One connection to PostgreSQL, for statements.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/postgres_link.h"
#include "services/provisioning/store/statement_cache.h"

namespace stratus::provisioning::store {

// The NOTIFY channel of every replica on a database.
inline constexpr char kPostgresChannel[] = "stratus_provisioning";

class PostgresConnection final : public Connection {
 public:
  // `busy_timeout` bounds connecting, each lock's wait and each statement.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const PostgresAddress& address, absl::Duration busy_timeout);

 private:
  explicit PostgresConnection(std::unique_ptr<PostgresLink> link);

  absl::StatusOr<std::string> Prepare(std::string_view sql, Params params, Outcome* outcome);
  Outcome Run(const char* sql);

  Outcome DoExecute(std::string_view sql, Params params, RowFn on_row) override;
  Outcome DoBegin() override;
  Outcome DoBeginSnapshot() override;
  Outcome DoCommit() override;
  Outcome DoRollback() override;
  Outcome DoLock(std::string_view name) override;
  Outcome DoNotify(const std::vector<std::string>& topics) override;

  const std::unique_ptr<PostgresLink> link_;
  StatementCache<std::string> statements_;  // the server's names for them
  int64_t statements_made_ = 0;
};

}  // namespace stratus::provisioning::store
