// One connection to a SQLite file.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/notifier.h"
#include "services/provisioning/store/statement_cache.h"

namespace stratus::provisioning::store {

class SqliteConnection final : public Connection {
 public:
  struct Options {
    std::string path;
    absl::Duration busy_timeout;
    bool writes = false;
    Notifier* notifier = nullptr;  // outlives it; hears what transactions notify
  };
  // DATA_LOSS: the file is not a database, or is damaged. NOT_FOUND, PERMISSION_DENIED: it cannot be opened.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Options& options);

 private:
  struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Handle = std::unique_ptr<sqlite3, CloseDatabase>;
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  SqliteConnection(Handle database, Options options);

  absl::Status Configure();
  absl::StatusOr<sqlite3_stmt*> Prepare(std::string_view sql);
  // The error of the call before, which gave `code`.
  Outcome Failed(int code) const;

  Outcome DoExecute(std::string_view sql, Params params, RowFn on_row) override;
  Outcome DoBegin() override;
  Outcome DoBeginSnapshot() override;
  Outcome DoCommit() override;
  Outcome DoRollback() override;
  Outcome DoLock(std::string_view name) override;
  Outcome DoNotify(const std::vector<std::string>& topics) override;

  const Options options_;
  Handle database_;
  StatementCache<Statement> statements_;  // after database_: they go first
  std::vector<std::string> topics_;       // of the transaction that is open
};

}  // namespace stratus::provisioning::store
