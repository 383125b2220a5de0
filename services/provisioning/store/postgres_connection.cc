#include "services/provisioning/store/postgres_connection.h"

#include <endian.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/sql_dialect.h"

namespace stratus::provisioning::store {
namespace {

constexpr size_t kStatementsMax = 128;

// pg_type.dat: the numbers are fixed.
constexpr Oid kInt8 = 20;
constexpr Oid kText = 25;
constexpr Oid kBytea = 17;
constexpr int kBinary = 1;

class PostgresRow final : public Row {
 public:
  PostgresRow(const PGresult* result, int row) : result_(result), row_(row) {}

  // Big-endian, of 1, 2, 4 or 8 bytes.
  int64_t Int(int column) const override {
    const std::string_view bytes = Text(column);
    int64_t value = bytes.empty() ? 0 : static_cast<signed char>(bytes[0]);
    for (size_t i = 1; i < bytes.size(); ++i) value = value * 256 + static_cast<unsigned char>(bytes[i]);
    return value;
  }
  std::string_view Text(int column) const override {
    return {PQgetvalue(result_, row_, column), static_cast<size_t>(PQgetlength(result_, row_, column))};
  }

 private:
  const PGresult* result_;
  const int row_;
};

// Parameters as libpq takes them.
struct Values {
  explicit Values(Params params) : numbers(params.size()) {
    for (size_t i = 0; i < params.size(); ++i) {
      std::visit([&](const auto& value) { Append(value, &numbers[i]); }, params[i].value());
    }
    formats.assign(params.size(), kBinary);
  }

  void Append(int64_t value, uint64_t* place) {
    *place = htobe64(static_cast<uint64_t>(value));
    Append(kInt8, {reinterpret_cast<const char*>(place), sizeof(*place)});
  }
  void Append(std::string_view value, uint64_t*) { Append(kText, value); }
  void Append(Bytes value, uint64_t*) { Append(kBytea, value.data); }
  void Append(Oid type, std::string_view bytes) {
    types.push_back(type);
    pointers.push_back(bytes.empty() ? "" : bytes.data());  // a null pointer would be NULL
    lengths.push_back(static_cast<int>(bytes.size()));
  }

  std::vector<uint64_t> numbers;
  std::vector<Oid> types;
  std::vector<const char*> pointers;
  std::vector<int> lengths;
  std::vector<int> formats;
};

// Rows given, or rows changed.
int64_t RowsOf(const PGresult* result) {
  if (PQresultStatus(result) == PGRES_TUPLES_OK) return PQntuples(result);
  int64_t rows = 0;
  return absl::SimpleAtoi(PQcmdTuples(const_cast<PGresult*>(result)), &rows) ? rows : 0;
}

}  // namespace

PostgresConnection::PostgresConnection(std::unique_ptr<PostgresLink> link)
    : link_(std::move(link)), statements_(kStatementsMax) {}

absl::StatusOr<std::unique_ptr<Connection>> PostgresConnection::Open(const PostgresAddress& address,
                                                                     absl::Duration busy_timeout) {
  // The server gives up first, with a reason; half as much again later we no longer wait for it.
  absl::StatusOr<std::unique_ptr<PostgresLink>> link = PostgresLink::Connect(address, busy_timeout * 1.5);
  if (!link.ok()) return link.status();
  const int64_t timeout_ms = std::max<int64_t>(absl::ToInt64Milliseconds(busy_timeout), 1);
  // A transaction left open (a replica that was stopped in the middle) must not hold its locks for ever.
  const std::string settings =
      absl::StrCat("SET lock_timeout = ", timeout_ms, "; SET statement_timeout = ", timeout_ms,
                   "; SET idle_in_transaction_session_timeout = ", 3 * timeout_ms,
                   "; SET default_transaction_isolation = 'read committed'; SET synchronous_commit = on",
                   "; SET client_min_messages = error");
  const PostgresLink::Error error = (*link)->Run(settings.c_str());
  if (error.failure != Failure::kNone) return error.status;
  return std::unique_ptr<Connection>(new PostgresConnection(*std::move(link)));
}

Connection::Outcome PostgresConnection::Run(const char* sql) {
  PostgresLink::Error error = link_->Run(sql);
  return {error.failure, std::move(error.status), 0};
}

absl::StatusOr<std::string> PostgresConnection::Prepare(std::string_view sql, Params params, Outcome* outcome) {
  if (const std::string* found = statements_.Find(sql)) return *found;
  const std::string name = absl::StrCat("s", ++statements_made_);
  const std::string text = Translate(sql, kPostgresDialect);
  const Values values(params);
  PostgresLink::Error error = link_->Run(
      [&](PGconn* connection) {
        return PQsendPrepare(connection, name.c_str(), text.c_str(), static_cast<int>(values.types.size()),
                             values.types.data()) == 1;
      },
      [](const PGresult*) {});
  *outcome = {error.failure, error.status, 0};
  if (error.failure != Failure::kNone) return error.status;
  return *statements_.Insert(sql, name,
                             [&](const std::string& old) { *outcome = Run(absl::StrCat("DEALLOCATE ", old).c_str()); });
}

Connection::Outcome PostgresConnection::DoExecute(std::string_view sql, Params params, RowFn on_row) {
  Outcome outcome;
  const absl::StatusOr<std::string> name = Prepare(sql, params, &outcome);
  if (outcome.failure != Failure::kNone) return outcome;
  const Values values(params);
  bool wanted = true;
  PostgresLink::Error error = link_->Run(
      [&](PGconn* connection) {
        return PQsendQueryPrepared(connection, name->c_str(), static_cast<int>(values.pointers.size()),
                                   values.pointers.data(), values.lengths.data(), values.formats.data(), kBinary) == 1;
      },
      [&](const PGresult* result) {
        outcome.rows = RowsOf(result);
        for (int row = 0; row < PQntuples(result) && wanted; ++row) wanted = on_row(PostgresRow(result, row)).ok();
      });
  outcome.failure = error.failure;
  outcome.status = std::move(error.status);
  return outcome;
}

Connection::Outcome PostgresConnection::DoBegin() { return Run("BEGIN"); }

Connection::Outcome PostgresConnection::DoBeginSnapshot() {
  return Run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

Connection::Outcome PostgresConnection::DoCommit() {
  bool committed = false;
  PostgresLink::Error error = link_->Run([](PGconn* connection) { return PQsendQuery(connection, "COMMIT") == 1; },
                                         [&](const PGresult* result) {
                                           committed =
                                               std::string_view(PQcmdStatus(const_cast<PGresult*>(result))) == "COMMIT";
                                         });
  if (error.failure == Failure::kBroken) {
    return {Failure::kBroken,
            absl::UnknownError(absl::StrCat("whether it was committed is not known: ", error.status.message())), 0};
  }
  // A transaction in which a statement failed answers COMMIT with ROLLBACK.
  if (error.failure == Failure::kNone && !committed) {
    return {Failure::kFinal, absl::InternalError("the database rolled a failed transaction back"), 0};
  }
  return {error.failure, std::move(error.status), 0};
}

Connection::Outcome PostgresConnection::DoRollback() {
  if (failure() == Failure::kBroken || !link_->in_transaction()) return {};
  Outcome outcome = Run("ROLLBACK");
  if (outcome.failure != Failure::kNone) outcome.failure = Failure::kBroken;
  return outcome;
}

Connection::Outcome PostgresConnection::DoLock(std::string_view name) {
  return DoExecute("SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0))) AS locked", {name},
                   [](const Row&) { return absl::OkStatus(); });
}

Connection::Outcome PostgresConnection::DoNotify(const std::vector<std::string>& topics) {
  for (const std::string& topic : topics) {
    Outcome outcome = DoExecute("SELECT 1 FROM (SELECT pg_notify($1, $2)) AS notified", {kPostgresChannel, topic},
                                [](const Row&) { return absl::OkStatus(); });
    if (outcome.failure != Failure::kNone) return outcome;
  }
  return {};
}

}  // namespace stratus::provisioning::store
