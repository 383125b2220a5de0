// The words in which SQLite and PostgreSQL differ.
#pragma once

#include <string>
#include <string_view>

namespace stratus::provisioning::store {

struct Dialect {
  std::string_view key;                     // a text column that is compared and ordered byte by byte
  std::string_view bytes;                   // a column of bytes
  std::string_view serial;                  // a primary key that counts up
  std::string_view now;                     // the database's clock, in microseconds since 1970
  std::string_view for_update;              // locks the rows read
  std::string_view for_update_skip_locked;  // the same, passing over those that are locked
  char parameter;                           // before a parameter's number
};

extern const Dialect kSqliteDialect;
extern const Dialect kPostgresDialect;

// Puts the dialect's words for {key}, {bytes}, ... and its parameters for $1, ... Statements hold no other braces, and
// no dollar signs in literals.
std::string Translate(std::string_view sql, const Dialect& dialect);

}  // namespace stratus::provisioning::store
