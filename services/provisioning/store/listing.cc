#include "services/provisioning/store/listing.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/provisioning/store/filter_sql.h"
#include "services/provisioning/store/page_token.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {
namespace {

struct Order {
  std::string_view column;  // empty: by id alone
  int time_index = -1;      // where the column is in kStackColumns
  bool descending = false;
};

absl::StatusOr<Order> ParseOrder(const std::string& order_by) {
  const std::vector<std::string> words = absl::StrSplit(order_by, ' ', absl::SkipWhitespace());
  Order order;
  const absl::Status refused = core::InvalidField(
      "order_by", "`name`, `create_time` or `update_time` is expected, with ` desc` or without, and no other");
  if (words.empty()) return order;
  if (words.size() > 2 || (words.size() == 2 && words[1] != "desc" && words[1] != "asc")) return refused;
  order.descending = words.size() == 2 && words[1] == "desc";
  if (words[0] == "name") return order;
  if (words[0] == "create_time") {
    order.column = "s.create_time";
    order.time_index = kStackCreateTimeColumn;
  } else if (words[0] == "update_time") {
    order.column = "s.update_time";
    order.time_index = kStackUpdateTimeColumn;
  } else {
    return refused;
  }
  return order;
}

absl::StatusOr<int> PageRows(const Page& page) {
  if (page.size < 1 || page.size > kPageRowsMax) {
    return core::InvalidField("page_size", absl::StrCat("1 to ", kPageRowsMax, " is expected"));
  }
  return page.size;
}

// The last row of a page; the row after it tells that there is another page.
template <typename Row>
Listed<Row> Cut(std::vector<Row> rows, std::vector<Position> positions, int size,
                absl::FunctionRef<std::string(const Position&)> make_token) {
  Listed<Row> listed{.rows = std::move(rows), .next_page_token = ""};
  if (listed.rows.size() > static_cast<size_t>(size)) {
    listed.rows.resize(static_cast<size_t>(size));
    listed.next_page_token = make_token(positions[static_cast<size_t>(size) - 1]);
  }
  return listed;
}

// Below this many stacks with a label, finding all of them and sorting beats walking the list in its order.
constexpr int64_t kRareStacksMax = 1000;

// A required label that few stacks have, or nullopt. Neither database can know how rare a value is before it looks (and
// SQLite never does), so that a list by a rare label would walk through every stack of the tenant.
absl::StatusOr<std::optional<RequiredLabel>> FindRareLabel(Connection& connection, const std::string& tenant,
                                                           const std::vector<RequiredLabel>& required) {
  for (const RequiredLabel& label : required) {
    SqlBuilder builder;
    std::string sql = absl::StrCat("SELECT COUNT(*) FROM (SELECT 1 FROM labels WHERE tenant = ", builder.Add(tenant),
                                   " AND name = ", builder.Add(label.name));
    if (label.value.has_value()) absl::StrAppend(&sql, " AND value = ", builder.Add(*label.value));
    absl::StrAppend(&sql, " LIMIT ", builder.Add(kRareStacksMax), ") AS found");
    auto count = SelectFirst(connection, sql, builder.params(), DecodeInt);
    if (!count.ok()) return count.status();
    if (count->value_or(0) < kRareStacksMax) return label;
  }
  return std::nullopt;
}

// The tables of a list of stacks, and the condition that joins them. CROSS JOIN: SQLite takes the tables in this order.
std::string StackTables(const std::optional<RequiredLabel>& rare, const std::string& tenant, SqlBuilder* builder) {
  if (!rare.has_value()) return " FROM stacks s WHERE ";
  std::string sql = absl::StrCat(" FROM labels d CROSS JOIN stacks s WHERE s.uid = d.stack_uid AND d.tenant = ", tenant,
                                 " AND d.name = ", builder->Add(rare->name));
  if (rare->value.has_value()) absl::StrAppend(&sql, " AND d.value = ", builder->Add(*rare->value));
  return absl::StrCat(sql, " AND ");
}

// FROM, WHERE and ORDER BY of a list of stacks.
absl::StatusOr<std::string> StackClauses(Connection& connection, const StackQuery& query, const Order& order,
                                         SqlBuilder* builder) {
  const std::string tenant = builder->Add(query.tenant);
  absl::StatusOr<StackFilter> filter = CompileStackFilter(query.filter, builder);
  if (!filter.ok()) return filter.status();
  absl::StatusOr<std::optional<RequiredLabel>> rare = FindRareLabel(connection, query.tenant, filter->required);
  if (!rare.ok()) return rare.status();
  std::string sql = absl::StrCat(StackTables(*rare, tenant, builder), "s.tenant = ", tenant);
  if (!filter->condition.empty()) absl::StrAppend(&sql, " AND ", filter->condition);
  if (!query.page.token.empty()) {
    absl::StatusOr<Position> last =
        ReadPageToken({"stacks", query.tenant, query.filter, query.order_by}, query.page.token);
    if (!last.ok()) return last.status();
    const std::string after = order.descending ? " < " : " > ";
    if (order.column.empty()) {
      absl::StrAppend(&sql, " AND s.id", after, builder->Add(last->text));
    } else {
      const std::string time = builder->Add(last->number);
      absl::StrAppend(&sql, " AND (", core::ToAbsl(order.column), ", s.uid)", after, "(", time, ", ",
                      builder->Add(last->text), ")");
    }
  }
  const std::string_view direction = order.descending ? " DESC" : "";
  absl::StrAppend(&sql, " ORDER BY ");
  if (order.column.empty()) return absl::StrCat(sql, "s.id", core::ToAbsl(direction));
  return absl::StrCat(sql, core::ToAbsl(order.column), core::ToAbsl(direction), ", s.uid", core::ToAbsl(direction));
}

}  // namespace

absl::StatusOr<Listed<StackRow>> ListStacks(Connection& connection, const StackQuery& query) {
  absl::StatusOr<int> size = PageRows(query.page);
  if (!size.ok()) return size.status();
  absl::StatusOr<Order> order = ParseOrder(query.order_by);
  if (!order.ok()) return order.status();
  SqlBuilder builder;
  absl::StatusOr<std::string> clauses = StackClauses(connection, query, *order, &builder);
  if (!clauses.ok()) return clauses.status();
  const std::string sql =
      absl::StrCat("SELECT ", core::ToAbsl(kStackColumns), *clauses, " LIMIT ", builder.Add(int64_t{*size} + 1));
  std::vector<Position> positions;
  auto rows = Select(connection, sql, builder.params(), [&](const Row& row) {
    absl::StatusOr<StackRow> stack = DecodeStack(row);
    const bool by_time = order->time_index >= 0;
    if (stack.ok()) {
      positions.push_back({by_time ? row.Int(order->time_index) : 0, by_time ? stack->uid : stack->id});
    }
    return stack;
  });
  if (!rows.ok()) return rows.status();
  return Cut<StackRow>(*std::move(rows), std::move(positions), *size, [&](const Position& last) {
    return MakePageToken({"stacks", query.tenant, query.filter, query.order_by}, last);
  });
}

absl::StatusOr<Listed<RunRow>> ListRuns(Connection& connection, const RunQuery& query) {
  absl::StatusOr<int> size = PageRows(query.page);
  if (!size.ok()) return size.status();
  SqlBuilder builder;
  std::string where = absl::StrCat("r.tenant = ", builder.Add(query.tenant));
  if (!query.stack_uid.empty()) absl::StrAppend(&where, " AND r.stack_uid = ", builder.Add(query.stack_uid));
  absl::StatusOr<std::string> condition = CompileRunFilter(query.filter, &builder);
  if (!condition.ok()) return condition.status();
  if (!condition->empty()) absl::StrAppend(&where, " AND ", *condition);
  if (!query.page.token.empty()) {
    absl::StatusOr<Position> last =
        ReadPageToken({"runs", query.tenant, query.stack_uid, query.filter}, query.page.token);
    if (!last.ok()) return last.status();
    absl::StrAppend(&where, " AND r.seq < ", builder.Add(last->number));
  }
  const std::string sql = absl::StrCat("SELECT ", core::ToAbsl(kRunColumns), ", r.seq FROM runs r WHERE ", where,
                                       " ORDER BY r.seq DESC LIMIT ", builder.Add(int64_t{*size} + 1));
  std::vector<Position> positions;
  auto rows = Select(connection, sql, builder.params(), [&](const Row& row) {
    positions.push_back({row.Int(kRunSeqColumn), ""});
    return DecodeRun(row);
  });
  if (!rows.ok()) return rows.status();
  return Cut<RunRow>(*std::move(rows), std::move(positions), *size, [&](const Position& last) {
    return MakePageToken({"runs", query.tenant, query.stack_uid, query.filter}, last);
  });
}

absl::StatusOr<Listed<StateVersionRow>> ListStateVersions(Connection& connection, std::string_view stack_uid,
                                                          const Page& page) {
  absl::StatusOr<int> size = PageRows(page);
  if (!size.ok()) return size.status();
  int64_t before = std::numeric_limits<int64_t>::max();
  if (!page.token.empty()) {
    absl::StatusOr<Position> last = ReadPageToken({"states", stack_uid}, page.token);
    if (!last.ok()) return last.status();
    before = last->number;
  }
  std::vector<Position> positions;
  auto rows = Select(connection,
                     "SELECT serial, record FROM state_versions WHERE stack_uid = $1 AND serial < $2 "
                     "ORDER BY serial DESC LIMIT $3",
                     {stack_uid, before, int64_t{*size} + 1}, [&](const Row& row) -> absl::StatusOr<StateVersionRow> {
                       StateVersionRow version{.serial = row.Int(0), .record = {}, .sealed = ""};
                       positions.push_back({version.serial, ""});
                       const std::string_view record = row.Text(1);
                       if (version.record.ParseFromArray(record.data(), static_cast<int>(record.size())))
                         return version;
                       return absl::DataLossError("the stored record of a state version does not parse");
                     });
  if (!rows.ok()) return rows.status();
  return Cut<StateVersionRow>(*std::move(rows), std::move(positions), *size, [&](const Position& last) {
    return MakePageToken({"states", stack_uid}, last);
  });
}

absl::StatusOr<std::vector<StackRow>> ListDueStacks(Connection& connection, absl::Time now, int limit) {
  static const std::string sql = absl::StrCat("SELECT ", core::ToAbsl(kStackColumns),
                                              R"( FROM stacks s WHERE s.uid IN (
            SELECT uid FROM (SELECT uid FROM stacks WHERE expire_time <= $1 ORDER BY expire_time LIMIT $2) AS expired
            UNION SELECT uid FROM (SELECT uid FROM stacks WHERE next_drift_check <= $1
                                   ORDER BY next_drift_check LIMIT $2) AS drifting)
          ORDER BY CASE WHEN s.expire_time < s.next_drift_check THEN s.expire_time ELSE s.next_drift_check END
          LIMIT $2)");
  return Select(connection, sql, {ToMicros(now), std::clamp(limit, 0, kPageRowsMax)}, DecodeStack);
}

}  // namespace stratus::provisioning::store
