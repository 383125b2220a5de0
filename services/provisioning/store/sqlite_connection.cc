#include "services/provisioning/store/sqlite_connection.h"

#include <cerrno>
#include <system_error>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/core/status.h"
#include "services/provisioning/store/sql_dialect.h"

namespace stratus::provisioning::store {
namespace {

constexpr size_t kStatementsMax = 128;

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}

  int64_t Int(int column) const override { return sqlite3_column_int64(statement_, column); }
  std::string_view Text(int column) const override {
    const void* data = sqlite3_column_blob(statement_, column);
    return {static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_;
};

// What a result code means to a caller, by https://www.sqlite.org/rescode.html.
absl::StatusCode CodeOf(int code) {
  if (code == SQLITE_CONSTRAINT_FOREIGNKEY) return absl::StatusCode::kNotFound;
  switch (code & 0xff) {
    // A full disk is no quota of the caller's: nothing was changed, and it may pass.
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return absl::StatusCode::kUnavailable;
    case SQLITE_TOOBIG: return absl::StatusCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return absl::StatusCode::kDataLoss;
    case SQLITE_CANTOPEN: return absl::StatusCode::kNotFound;
    case SQLITE_PERM:
    case SQLITE_READONLY: return absl::StatusCode::kPermissionDenied;
    case SQLITE_CONSTRAINT: return absl::StatusCode::kAlreadyExists;
    default: return absl::StatusCode::kInternal;
  }
}

std::string_view Explanation(int code) {
  switch (code & 0xff) {
    case SQLITE_NOTADB: return "it is not a SQLite database, or its first page is damaged; restore it from a backup";
    case SQLITE_CORRUPT: return "the file is damaged; restore it from a backup";
    case SQLITE_FULL: return "the disk is full";
    default: return {};
  }
}

void Now(sqlite3_context* context, int, sqlite3_value**) {
  sqlite3_result_int64(context, absl::ToUnixMicros(absl::Now()));
}

int Bind(sqlite3_stmt* statement, int index, const Param& param) {
  // Static: the texts outlive the execution, by Param's contract. A null pointer would bind NULL.
  return std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, int64_t>) {
          return sqlite3_bind_int64(statement, index, value);
        } else if constexpr (std::is_same_v<T, Bytes>) {
          const char* data = value.data.empty() ? "" : value.data.data();
          return sqlite3_bind_blob64(statement, index, data, value.data.size(), SQLITE_STATIC);
        } else {
          const char* data = value.empty() ? "" : value.data();
          return sqlite3_bind_text64(statement, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
        }
      },
      param.value());
}

}  // namespace

SqliteConnection::SqliteConnection(Handle database, Options options)
    : options_(std::move(options)), database_(std::move(database)), statements_(kStatementsMax) {}

absl::StatusOr<std::unique_ptr<Connection>> SqliteConnection::Open(const Options& options) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(options.path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(Handle(raw), options));
  if (code != SQLITE_OK) return connection->Failed(code).status;
  absl::Status status = connection->Configure();
  if (!status.ok()) return status;
  return connection;
}

absl::Status SqliteConnection::Configure() {
  sqlite3_busy_timeout(database_.get(), static_cast<int>(absl::ToInt64Milliseconds(options_.busy_timeout)));
  sqlite3_create_function(database_.get(), "stratus_now", 0, SQLITE_UTF8, nullptr, Now, nullptr, nullptr);
  // FULL: a commit is on the disk when it returns, so that a power cut loses no state version.
  for (const char* pragma :
       {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON",
        "PRAGMA journal_size_limit = 67108864", "PRAGMA cache_size = -16000", "PRAGMA temp_store = MEMORY"}) {
    absl::Status status = Execute(pragma).status();
    if (!status.ok()) return status;
  }
  if (!options_.writes) return Execute("PRAGMA query_only = ON").status();
  return absl::OkStatus();
}

absl::StatusOr<sqlite3_stmt*> SqliteConnection::Prepare(std::string_view sql) {
  if (const Statement* found = statements_.Find(sql)) return found->get();
  const std::string text = Translate(sql, kSqliteDialect);
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), text.data(), static_cast<int>(text.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return Failed(code).status;
  return statements_.Insert(sql, Statement(raw), [](const Statement&) {})->get();
}

Connection::Outcome SqliteConnection::Failed(int code) const {
  // errno is still that of the failed call; sqlite3_system_errno is 0 for writes.
  const std::error_code system((code & 0xff) == SQLITE_IOERR ? errno : 0, std::system_category());
  const char* message = database_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database_.get());
  std::string text = absl::StrCat("database ", options_.path, ": ", message);
  if (system.value() != 0) absl::StrAppend(&text, " (", system.message(), ")");
  if (const std::string_view more = Explanation(code); !more.empty()) absl::StrAppend(&text, ": ", core::ToAbsl(more));
  const bool again = (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED;
  return {again ? Failure::kRetry : Failure::kFinal, absl::Status(CodeOf(code), text), 0};
}

Connection::Outcome SqliteConnection::DoExecute(std::string_view sql, Params params, RowFn on_row) {
  absl::StatusOr<sqlite3_stmt*> prepared = Prepare(sql);
  if (!prepared.ok()) return {Failed(sqlite3_extended_errcode(database_.get())).failure, prepared.status(), 0};
  sqlite3_stmt* const statement = *prepared;
  int code = SQLITE_OK;
  for (size_t i = 0; i < params.size() && code == SQLITE_OK; ++i) {
    code = Bind(statement, static_cast<int>(i) + 1, params[i]);
  }
  int64_t rows = 0;
  absl::Status status;
  while (code == SQLITE_OK && status.ok()) {
    code = sqlite3_step(statement);
    if (code != SQLITE_ROW) break;
    code = SQLITE_OK;
    ++rows;
    status = on_row(SqliteRow(statement));
  }
  const bool failed = code != SQLITE_OK && code != SQLITE_DONE;
  Outcome outcome;
  if (failed) outcome = Failed(code);
  if (!failed) outcome.rows = sqlite3_column_count(statement) > 0 ? rows : sqlite3_changes64(database_.get());
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return outcome;
}

Connection::Outcome SqliteConnection::DoBegin() {
  topics_.clear();
  // IMMEDIATE: takes the write lock now, where waiting for it is safe, and not halfway.
  return DoExecute("BEGIN IMMEDIATE", {}, [](const Row&) { return absl::OkStatus(); });
}

Connection::Outcome SqliteConnection::DoBeginSnapshot() {
  topics_.clear();
  // In WAL mode a reader keeps what it saw first, and waits for no writer.
  return DoExecute("BEGIN DEFERRED", {}, [](const Row&) { return absl::OkStatus(); });
}

Connection::Outcome SqliteConnection::DoCommit() {
  Outcome outcome = DoExecute("COMMIT", {}, [](const Row&) { return absl::OkStatus(); });
  if (outcome.failure != Failure::kNone) {
    DoRollback();
    return outcome;
  }
  for (const std::string& topic : topics_) options_.notifier->Publish(topic);
  topics_.clear();
  return outcome;
}

Connection::Outcome SqliteConnection::DoRollback() {
  topics_.clear();
  // Some errors (a full disk) have already rolled it back.
  if (sqlite3_get_autocommit(database_.get()) != 0) return {};
  return DoExecute("ROLLBACK", {}, [](const Row&) { return absl::OkStatus(); });
}

// One writer at a time: whoever has a transaction has every lock.
Connection::Outcome SqliteConnection::DoLock(std::string_view) { return {}; }

Connection::Outcome SqliteConnection::DoNotify(const std::vector<std::string>& topics) {
  topics_ = topics;
  return {};
}

}  // namespace stratus::provisioning::store
