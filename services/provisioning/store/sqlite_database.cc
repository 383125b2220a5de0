#include "services/provisioning/store/sqlite_database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/provisioning/store/sqlite_connection.h"

namespace stratus::provisioning::store {
namespace {

// A whole check reads the whole file: up to here that takes about a second.
constexpr int64_t kCheckedBytesMax = int64_t{256} << 20;

// SQLite would make it with the umask's rights; its -wal and -shm files get the same as this one.
absl::StatusOr<int64_t> MakeFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct stat found = {};
  const bool opened = file >= 0 && fstat(file, &found) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  if (opened) return found.st_size;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot open the database ", path));
}

absl::Status Check(Connection& connection, const std::string& path) {
  std::string finding;
  absl::Status status = connection
                            .Execute("PRAGMA quick_check(1)", {},
                                     [&](const Row& row) {
                                       finding = row.Text(0);
                                       return absl::OkStatus();
                                     })
                            .status();
  if (!status.ok() || finding == "ok") return status;
  return absl::DataLossError(
      absl::StrCat("database ", path, ": the file is damaged; restore it from a backup: ", finding));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> SqliteDatabase::Open(const Options& options) {
  absl::StatusOr<int64_t> bytes = MakeFile(options.path);
  if (!bytes.ok()) return bytes.status();
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(options));
  // The writer first: it makes the file a WAL one, which readers need.
  absl::StatusOr<PooledConnection> writer = database->Writer();
  if (!writer.ok()) return writer.status();
  if (*bytes > 0 && *bytes <= kCheckedBytesMax) {
    absl::Status status = Check(**writer, options.path);
    if (!status.ok()) return status;
  }
  return database;
}

SqliteDatabase::SqliteDatabase(const Options& options)
    : writer_(1, options.busy_timeout,
              [this, options] {
                return SqliteConnection::Open({options.path, options.busy_timeout, true, &notifier_});
              }),
      readers_(options.readers, options.busy_timeout, [this, options] {
        return SqliteConnection::Open({options.path, options.busy_timeout, false, &notifier_});
      }) {}

PoolUse SqliteDatabase::use() {
  const PoolUse writers = writer_.use();
  const PoolUse readers = readers_.use();
  return {.in_use = writers.in_use + readers.in_use, .waiting = writers.waiting + readers.waiting};
}

std::shared_ptr<void> SqliteDatabase::Subscribe(std::function<void(std::string_view topic)> callback) {
  return notifier_.Subscribe(std::move(callback));
}

}  // namespace stratus::provisioning::store
