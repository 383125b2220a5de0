#include "services/provisioning/store/postgres_link.h"

#include <poll.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/core/clock.h"
#include "lib/core/status.h"

namespace stratus::provisioning::store {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
  void operator()(PGnotify* notification) const { PQfreemem(notification); }
};
using Result = std::unique_ptr<PGresult, Clear>;

struct Meaning {
  Failure failure;
  absl::StatusCode code;
};

// What a SQLSTATE means to a caller: https://www.postgresql.org/docs/15/errcodes-appendix.html.
Meaning MeaningOf(std::string_view state) {
  const std::string_view family = state.substr(0, 2);
  if (state == "40001" || state == "40P01") return {Failure::kRetry, absl::StatusCode::kAborted};
  if (state == "55P03") return {Failure::kRetry, absl::StatusCode::kUnavailable};  // lock_timeout
  if (state == "57014") return {Failure::kFinal, absl::StatusCode::kUnavailable};  // statement_timeout
  if (family == "08" || family == "57" || state == "25006" || state == "53300" || state == "25P03") {
    return {Failure::kBroken, absl::StatusCode::kUnavailable};  // gone, going, or a standby by now
  }
  // No room or memory is left, or its disk fails.
  if (family == "53" || family == "58") return {Failure::kFinal, absl::StatusCode::kUnavailable};
  if (state == "XX001" || state == "XX002") return {Failure::kFinal, absl::StatusCode::kDataLoss};
  if (state == "23503") return {Failure::kFinal, absl::StatusCode::kNotFound};
  if (family == "23") return {Failure::kFinal, absl::StatusCode::kAlreadyExists};
  if (family == "22") return {Failure::kFinal, absl::StatusCode::kInvalidArgument};
  if (family == "28" || state == "42501") return {Failure::kFinal, absl::StatusCode::kPermissionDenied};
  return {Failure::kFinal, absl::StatusCode::kInternal};
}

std::string Trimmed(const char* message) {
  return std::string(absl::StripAsciiWhitespace(message == nullptr ? "" : message));
}

absl::Duration Monotonic() { return core::Clock::Real().Monotonic(); }

}  // namespace

absl::StatusOr<PostgresAddress> ParsePostgresUrl(const std::string& url) {
  // libpq's own words may quote the part with the password.
  const std::unique_ptr<PQconninfoOption, Clear> options(PQconninfoParse(url.c_str(), nullptr));
  if (options == nullptr) {
    return absl::InvalidArgumentError(
        "database URL: it does not parse; `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` is expected, special "
        "characters as %XX");
  }
  std::string host = "localhost", port = "5432", database = "postgres";
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host") host = option->val;
    if (keyword == "port") port = option->val;
    if (keyword == "dbname") database = option->val;
  }
  return PostgresAddress{url, absl::StrCat("postgresql://", host, ":", port, "/", database)};
}

PostgresLink::PostgresLink(Handle connection, const PostgresAddress& address, absl::Duration timeout, int stop_fd)
    : connection_(std::move(connection)), name_(address.name), timeout_(timeout), stop_fd_(stop_fd) {}

absl::StatusOr<std::unique_ptr<PostgresLink>> PostgresLink::Connect(const PostgresAddress& address,
                                                                    absl::Duration timeout, int stop_fd) {
  // Keepalives notice a peer that vanished; what the URL says comes last and wins.
  const char* const keywords[] = {"fallback_application_name",
                                  "client_encoding",
                                  "target_session_attrs",
                                  "keepalives_idle",
                                  "keepalives_interval",
                                  "keepalives_count",
                                  "tcp_user_timeout",
                                  "dbname",
                                  nullptr};
  const char* const values[] = {"stratus-provisioning", "UTF8", "read-write", "30", "10", "3", "60000",
                                address.url.c_str(),    nullptr};
  Handle connection(PQconnectStartParams(keywords, values, 1));
  // Without one, libpq writes what the server says to an idle connection to stderr.
  PQsetNoticeReceiver(
      connection.get(), [](void*, const PGresult*) {}, nullptr);
  if (connection == nullptr) return absl::ResourceExhaustedError("libpq has no memory for a connection");
  std::unique_ptr<PostgresLink> link(new PostgresLink(std::move(connection), address, timeout, stop_fd));
  absl::Status status = link->WaitForConnection();
  if (!status.ok()) return status;
  return link;
}

absl::Status PostgresLink::WaitForConnection() {
  const absl::Duration deadline = Monotonic() + timeout_;
  PGconn* const connection = connection_.get();
  PostgresPollingStatusType state =
      PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    if (!Wait(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
      return absl::UnavailableError(absl::StrCat("database ", name_, ": no connection in time"));
    }
    state = PQconnectPoll(connection);
  }
  if (state != PGRES_POLLING_OK) {
    return absl::UnavailableError(absl::StrCat("database ", name_, ": ", Trimmed(PQerrorMessage(connection))));
  }
  PQsetnonblocking(connection, 1);
  return absl::OkStatus();
}

bool PostgresLink::Wait(short events, absl::Duration deadline) const {
  while (true) {
    const absl::Duration left = deadline - Monotonic();
    if (left <= absl::ZeroDuration()) return false;
    // -1: for ever. One millisecond at least: less would spin.
    const int wait_ms = left == absl::InfiniteDuration()
                            ? -1
                            : static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(left) + 1, 1, 1'000'000));
    pollfd polled[2] = {{PQsocket(connection_.get()), events, 0}, {stop_fd_, POLLIN, 0}};
    if (poll(polled, 2, wait_ms) <= 0) continue;  // interrupted, or the time is up
    if (polled[1].revents != 0) return false;
    if (polled[0].revents != 0) return true;
  }
}

bool PostgresLink::Flush(absl::Duration deadline) {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left <= 0) return left == 0;
    // The server may have to be read from before it takes more.
    if (!Wait(POLLIN | POLLOUT, deadline) || PQconsumeInput(connection_.get()) == 0) return false;
  }
}

PostgresLink::Error PostgresLink::Broken(const char* what) const {
  const std::string message = Trimmed(PQerrorMessage(connection_.get()));
  return {Failure::kBroken,
          absl::UnavailableError(absl::StrCat("database ", name_, ": ", what, message.empty() ? "" : ": ", message))};
}

PostgresLink::Error PostgresLink::ErrorOf(const PGresult* result) const {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) return Broken("the connection was lost");  // libpq's own word, not the server's
  const Meaning meaning = MeaningOf(state);
  const std::string message = Trimmed(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  return {meaning.failure,
          absl::Status(meaning.code, absl::StrCat("database ", name_, ": ", message, " (", state, ")"))};
}

PostgresLink::Error PostgresLink::Run(absl::FunctionRef<bool(PGconn*)> send, ResultFn on_result) {
  const absl::Duration deadline = Monotonic() + timeout_;
  PGconn* const connection = connection_.get();
  if (!send(connection)) return Broken("the connection was lost");
  if (!Flush(deadline)) return Broken("it takes no statement in time");
  Error error;
  while (true) {
    while (PQisBusy(connection) != 0) {
      if (!Wait(POLLIN, deadline)) return Broken("no answer in time");
      if (PQconsumeInput(connection) == 0) return Broken("the connection was lost");
    }
    const Result result(PQgetResult(connection));
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good && error.failure == Failure::kNone) error = ErrorOf(result.get());
    if (good && error.failure == Failure::kNone) on_result(result.get());
  }
  if (PQstatus(connection) == CONNECTION_BAD) error.failure = Failure::kBroken;
  if (error.failure == Failure::kBroken && error.status.ok()) return Broken("the connection was lost");
  return error;
}

PostgresLink::Error PostgresLink::Run(const char* sql) {
  return Run([&](PGconn* connection) { return PQsendQuery(connection, sql) == 1; }, [](const PGresult*) {});
}

bool PostgresLink::WaitForInput() {
  return Wait(POLLIN, absl::InfiniteDuration()) && PQconsumeInput(connection_.get()) == 1 &&
         PQstatus(connection_.get()) == CONNECTION_OK;
}

std::vector<std::string> PostgresLink::Notifications() {
  std::vector<std::string> payloads;
  while (true) {
    const std::unique_ptr<PGnotify, Clear> notification(PQnotifies(connection_.get()));
    if (notification == nullptr) return payloads;
    payloads.emplace_back(notification->extra);
  }
}

bool PostgresLink::in_transaction() const {
  const PGTransactionStatusType status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

}  // namespace stratus::provisioning::store
