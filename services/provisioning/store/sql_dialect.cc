#include "services/provisioning/store/sql_dialect.h"

#include <utility>

namespace stratus::provisioning::store {

// SQLite has one writer at a time, so its rows need no locks; `stratus_now` is registered on every connection.
const Dialect kSqliteDialect = {.key = "TEXT",
                                .bytes = "BLOB",
                                .serial = "INTEGER PRIMARY KEY AUTOINCREMENT",
                                .now = "stratus_now()",
                                .for_update = "",
                                .for_update_skip_locked = "",
                                .parameter = '?'};

// Leases count by the server's clock: replicas' clocks need not agree.
const Dialect kPostgresDialect = {.key = "TEXT COLLATE \"C\"",
                                  .bytes = "BYTEA",
                                  .serial = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                                  .now = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT",
                                  .for_update = "FOR UPDATE",
                                  .for_update_skip_locked = "FOR UPDATE SKIP LOCKED",
                                  .parameter = '$'};

namespace {

std::string_view WordOf(std::string_view name, const Dialect& dialect) {
  const std::pair<std::string_view, std::string_view> words[] = {
      {"key", dialect.key},
      {"bytes", dialect.bytes},
      {"serial", dialect.serial},
      {"now", dialect.now},
      {"for_update", dialect.for_update},
      {"for_update_skip_locked", dialect.for_update_skip_locked}};
  for (const auto& [word, text] : words) {
    if (word == name) return text;
  }
  return name;  // the database will refuse it, by name
}

}  // namespace

std::string Translate(std::string_view sql, const Dialect& dialect) {
  std::string out;
  out.reserve(sql.size() + 64);
  for (size_t i = 0; i < sql.size(); ++i) {
    const size_t end = sql[i] == '{' ? sql.find('}', i) : std::string_view::npos;
    if (end != std::string_view::npos) {
      out.append(WordOf(sql.substr(i + 1, end - i - 1), dialect));
      i = end;
    } else {
      out.push_back(sql[i] == '$' ? dialect.parameter : sql[i]);
    }
  }
  return out;
}

}  // namespace stratus::provisioning::store
