#include "services/provisioning/store/sql_dialect.h"

#include <gtest/gtest.h>

namespace stratus::provisioning::store {
namespace {

TEST(SqlDialect, PutsEachDatabasesOwnWords) {
  const char* sql = "SELECT a FROM t WHERE b = $1 AND c > {now} + $12 {for_update_skip_locked}";
  EXPECT_EQ(Translate(sql, kSqliteDialect), "SELECT a FROM t WHERE b = ?1 AND c > stratus_now() + ?12 ");
  EXPECT_EQ(Translate(sql, kPostgresDialect),
            "SELECT a FROM t WHERE b = $1 AND c > (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT + $12 "
            "FOR UPDATE SKIP LOCKED");
  EXPECT_EQ(Translate("a {key}, b {bytes}, c {serial}", kSqliteDialect),
            "a TEXT, b BLOB, c INTEGER PRIMARY KEY AUTOINCREMENT");
}

TEST(SqlDialect, LeavesAWordThatItDoesNotKnowForTheDatabaseToRefuse) {
  EXPECT_EQ(Translate("{nonsense} {", kPostgresDialect), "nonsense {");
}

}  // namespace
}  // namespace stratus::provisioning::store
