#include "services/provisioning/store/database.h"

#include "absl/strings/ascii.h"
#include "lib/core/status.h"
#include "services/provisioning/store/connection_pool.h"

namespace stratus::provisioning::store {
namespace {

// Of a log, and of one statement in it.
constexpr size_t kStatementLogMax = 1000;
constexpr size_t kBriefMax = 200;
constexpr size_t kColumnsMax = 40;

// Where the columns of a SELECT end: its own FROM, not one within brackets.
size_t EndOfColumns(std::string_view sql) {
  int depth = 0;
  for (size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] == '(') ++depth;
    if (sql[i] == ')') --depth;
    if (depth == 0 && sql.substr(i).starts_with(" FROM ")) return i;
  }
  return std::string_view::npos;
}

// What a statement does and to what: on one line, long lists of columns left out, and cut.
std::string Brief(std::string_view sql) {
  std::string line(absl::StripAsciiWhitespace(core::ToAbsl(sql)));
  absl::RemoveExtraAsciiWhitespace(&line);
  constexpr std::string_view kSelect = "SELECT ";
  const size_t end = line.starts_with(kSelect) ? EndOfColumns(line) : std::string_view::npos;
  if (end != std::string_view::npos && end > kSelect.size() + kColumnsMax) {
    line.replace(kSelect.size(), end - kSelect.size(), "...");
  }
  if (line.size() > kBriefMax) line.replace(kBriefMax, std::string::npos, "...");
  return line;
}

}  // namespace

absl::StatusOr<int64_t> Connection::Execute(std::string_view sql, Params params, RowFn on_row) {
  // The callback's own errors (NOT_FOUND, a record that does not parse) are the caller's, not the connection's.
  absl::Status row_status;
  auto guarded = [&](const Row& row) {
    row_status = on_row(row);
    return row_status;
  };
  if (statement_log_ != nullptr) Log(sql);
  const Outcome outcome = DoExecute(sql, params, guarded);
  if (!row_status.ok()) return row_status;
  absl::Status status = Note(outcome);
  if (!status.ok()) return status;
  return outcome.rows;
}

absl::StatusOr<int64_t> Connection::Execute(std::string_view sql, Params params) {
  return Execute(sql, params, [](const Row&) { return absl::OkStatus(); });
}

absl::Status Connection::Begin() {
  failure_ = Failure::kNone;
  failure_status_ = absl::OkStatus();
  return Note(DoBegin());
}

absl::Status Connection::BeginSnapshot() {
  failure_ = Failure::kNone;
  failure_status_ = absl::OkStatus();
  return Note(DoBeginSnapshot());
}

absl::Status Connection::Commit() { return Note(DoCommit()); }
void Connection::Rollback() { Note(DoRollback()).IgnoreError(); }  // what counts is what went before
absl::Status Connection::Lock(std::string_view name) { return Note(DoLock(name)); }

absl::Status Connection::Notify(const std::vector<std::string>& topics) {
  if (topics.empty()) return absl::OkStatus();
  return Note(DoNotify(topics));
}

void Connection::Log(std::string_view sql) {
  if (statement_log_->size() >= kStatementLogMax) return;
  const std::string brief = Brief(sql);
  if (statement_log_->ends_with(brief)) return;
  if (!statement_log_->empty()) statement_log_->append("; ");
  statement_log_->append(brief);
}

absl::Status Connection::Note(const Outcome& outcome) {
  // A broken connection outweighs what failed before it: it must not go back to the pool.
  if (outcome.failure == Failure::kBroken || failure_ == Failure::kNone) {
    failure_ = outcome.failure;
    failure_status_ = outcome.status;
  }
  return outcome.status;
}

PooledConnection::PooledConnection(ConnectionPool* pool, std::unique_ptr<Connection> connection)
    : pool_(pool), connection_(std::move(connection)) {}

PooledConnection::~PooledConnection() {
  if (pool_ != nullptr) pool_->Return(std::move(connection_));
}

PooledConnection::PooledConnection(PooledConnection&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}

}  // namespace stratus::provisioning::store
