// The little of SQL databases that the store needs, so that its statements are written once for both.
//
//   absl::StatusOr<PooledConnection> connection = database->Writer();
//   absl::StatusOr<int64_t> rows = (*connection)->Execute("UPDATE t SET a = $1 WHERE k = $2", {1, "x"});
//
// Statements are in the common dialect of SQLite and PostgreSQL, with parameters $1, $2, ... and these words for what
// differs (sql_dialect.h): {key} {bytes} {serial} {now} {for_update} {for_update_skip_locked}.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace stratus::provisioning::store {

// Bytes as they are, where a string_view would be text.
struct Bytes {
  std::string_view data;
};

// What a parameter may be. Views: what they name must outlive the call.
class Param {
 public:
  Param(int64_t value) : value_(value) {}                            // NOLINT(google-explicit-constructor)
  Param(int value) : value_(int64_t{value}) {}                       // NOLINT(google-explicit-constructor)
  Param(bool value) : value_(int64_t{value}) {}                      // NOLINT(google-explicit-constructor)
  Param(std::string_view text) : value_(text) {}                     // NOLINT(google-explicit-constructor)
  Param(const std::string& text) : Param(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  Param(const char* text) : Param(std::string_view(text)) {}         // NOLINT(google-explicit-constructor)
  Param(Bytes bytes) : value_(bytes) {}                              // NOLINT(google-explicit-constructor)

  const std::variant<int64_t, std::string_view, Bytes>& value() const { return value_; }

 private:
  std::variant<int64_t, std::string_view, Bytes> value_;
};
using Params = absl::Span<const Param>;

// One row of an answer, valid until the callback returns. Columns count from 0; none is ever NULL.
class Row {
 public:
  virtual ~Row() = default;
  virtual int64_t Int(int column) const = 0;
  virtual std::string_view Text(int column) const = 0;  // of text and of bytes
};
using RowFn = absl::FunctionRef<absl::Status(const Row&)>;

// What went wrong on a connection since its last Begin, beside the status that says it to people.
enum class Failure {
  kNone,
  kFinal,   // the statement is at fault, or the machine: again would fail again
  kRetry,   // the database asks for the transaction again: deadlock, serialization, busy
  kBroken,  // the connection is gone
};

// One connection, used by one thread at a time.
class Connection {
 public:
  virtual ~Connection() = default;

  // Runs one statement, `on_row` for each row of its answer, and returns how many rows it changed (or gave). Its first
  // error ends it, an error of `on_row` too. After an error inside a transaction only Rollback makes sense.
  absl::StatusOr<int64_t> Execute(std::string_view sql, Params params, RowFn on_row);
  absl::StatusOr<int64_t> Execute(std::string_view sql, Params params = {});

  // A transaction that may write. On a failure nothing is open.
  absl::Status Begin();
  // A transaction that only reads, and sees all as it was at its first statement. End it by Rollback.
  absl::Status BeginSnapshot();
  // UNKNOWN: the connection broke; the transaction may or may not have been committed. Any other error: it was not.
  absl::Status Commit();
  void Rollback();

  // Until the transaction ends, nobody else gets the same name. Names are shared by all replicas.
  absl::Status Lock(std::string_view name);

  // Delivers `topics` to every subscriber once the transaction is committed. Call it right before Commit.
  absl::Status Notify(const std::vector<std::string>& topics);

  // The first failure since Begin, and its status.
  Failure failure() const { return failure_; }
  const absl::Status& failure_status() const { return failure_status_; }

  // Where the text of each statement is added, in brief and without parameters: one that is repeated once, and some
  // 1000 bytes in all. Null: nowhere. Outlives its use.
  void set_statement_log(std::string* log) { statement_log_ = log; }

 protected:
  struct Outcome {
    Failure failure = Failure::kNone;
    absl::Status status;
    int64_t rows = 0;
  };

 private:
  virtual Outcome DoExecute(std::string_view sql, Params params, RowFn on_row) = 0;
  virtual Outcome DoBegin() = 0;
  virtual Outcome DoBeginSnapshot() = 0;
  virtual Outcome DoCommit() = 0;
  virtual Outcome DoRollback() = 0;
  virtual Outcome DoLock(std::string_view name) = 0;
  virtual Outcome DoNotify(const std::vector<std::string>& topics) = 0;

  absl::Status Note(const Outcome& outcome);
  void Log(std::string_view sql);

  Failure failure_ = Failure::kNone;
  absl::Status failure_status_;
  std::string* statement_log_ = nullptr;
};

class ConnectionPool;

struct PoolUse {
  int in_use = 0;   // connections on loan
  int waiting = 0;  // threads that wait for one
};

// A connection on loan; goes back to its pool, or is closed when it is broken.
class PooledConnection {
 public:
  PooledConnection(ConnectionPool* pool, std::unique_ptr<Connection> connection);
  ~PooledConnection();
  PooledConnection(PooledConnection&& other) noexcept;
  PooledConnection& operator=(PooledConnection&&) = delete;

  Connection* operator->() const { return connection_.get(); }
  Connection& operator*() const { return *connection_; }

 private:
  ConnectionPool* pool_;
  std::unique_ptr<Connection> connection_;
};

// Thread-safe.
class Database {
 public:
  virtual ~Database() = default;

  // `SQLite`, `PostgreSQL`.
  virtual std::string_view product() const = 0;

  // Waits for a free one, at most the busy timeout, and opens it when it is not. UNAVAILABLE when that fails.
  virtual absl::StatusOr<PooledConnection> Reader() = 0;
  virtual absl::StatusOr<PooledConnection> Writer() = 0;

  // Now, of all its pools.
  virtual PoolUse use() = 0;

  // `callback` hears every notification from a thread of the database's own, until the returned handle goes.
  virtual std::shared_ptr<void> Subscribe(std::function<void(std::string_view topic)> callback) = 0;
};

}  // namespace stratus::provisioning::store
