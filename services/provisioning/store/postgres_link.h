// A libpq connection on which nothing blocks past a deadline: a server that is frozen, or cut off, is an error in time.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

// Where the database is, and what it is called in errors: without user and password.
struct PostgresAddress {
  std::string url;
  std::string name;  // `postgresql://db.example:5432/stratus`
};
// INVALID_ARGUMENT, without repeating the URL.
absl::StatusOr<PostgresAddress> ParsePostgresUrl(const std::string& url);

class PostgresLink {
 public:
  // `stop_fd`, when it is not -1, ends every wait once it can be read. UNAVAILABLE: no connection within `timeout`.
  static absl::StatusOr<std::unique_ptr<PostgresLink>> Connect(const PostgresAddress& address, absl::Duration timeout,
                                                               int stop_fd = -1);

  struct Error {
    Failure failure = Failure::kNone;
    absl::Status status;
  };
  using ResultFn = absl::FunctionRef<void(const PGresult*)>;

  // Sends by `send` (a PQsend... call, true on success) and hands `on_result` the answer, if it is not an error.
  Error Run(absl::FunctionRef<bool(PGconn*)> send, ResultFn on_result);
  // One statement without parameters or rows.
  Error Run(const char* sql);

  // Waits until the server has something to say. False when the link broke or `stop_fd` can be read.
  bool WaitForInput();
  // What NOTIFY told since the last call.
  std::vector<std::string> Notifications();

  bool in_transaction() const;

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  using Handle = std::unique_ptr<PGconn, Finish>;

  PostgresLink(Handle connection, const PostgresAddress& address, absl::Duration timeout, int stop_fd);

  absl::Status WaitForConnection();
  // Polls the socket for `events`; false when the deadline passed, or stop_fd can be read.
  bool Wait(short events, absl::Duration deadline) const;
  bool Flush(absl::Duration deadline);
  Error Broken(const char* what) const;
  Error ErrorOf(const PGresult* result) const;

  const Handle connection_;
  const std::string name_;
  const absl::Duration timeout_;
  const int stop_fd_;
};

}  // namespace stratus::provisioning::store
