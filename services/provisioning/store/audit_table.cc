#include "services/provisioning/store/audit_table.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/audit_line.h"
#include "services/provisioning/store/filter_sql.h"
#include "services/provisioning/store/listing.h"
#include "services/provisioning/store/page_token.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {
namespace {

constexpr int64_t kScanBatch = 1000;
constexpr char kSeparator = '\x1f';

struct Head {
  int64_t sequence = 0;
  std::string hash;
};

absl::StatusOr<Head> DecodeHead(const Row& row) { return Head{row.Int(0), std::string(row.Text(1))}; }

// Whoever comes first makes the head, and everybody waits for it: two events never get one number.
absl::StatusOr<Head> LockHead(Connection& connection, std::string_view tenant) {
  constexpr std::string_view kSelect = "SELECT sequence, hash FROM audit_heads WHERE tenant = $1 {for_update}";
  auto head = SelectFirst(connection, kSelect, {tenant}, DecodeHead);
  if (!head.ok()) return head.status();
  if (head->has_value()) return **std::move(head);
  absl::Status made = connection
                          .Execute(
                              "INSERT INTO audit_heads (tenant, sequence, hash) VALUES ($1, 0, $2) "
                              "ON CONFLICT DO NOTHING",
                              {tenant, kFirstPrevious})
                          .status();
  if (!made.ok()) return made;
  head = SelectFirst(connection, kSelect, {tenant}, DecodeHead);
  if (!head.ok()) return head.status();
  if (!head->has_value()) return absl::InternalError("the tenant's audit log has no head");
  return **std::move(head);
}

}  // namespace

std::string MakeBeside(const v1::AuditEvent& event) {
  std::string beside;
  for (const std::string& part : {absl::StrCat(ToMicros(event.time())), event.principal().name(), event.method(),
                                  event.resource(), event.code()}) {
    beside.append(part).push_back(kSeparator);
  }
  return beside;
}

absl::StatusOr<std::string> AppendAudit(Connection& connection, std::string_view tenant, v1::AuditEvent event) {
  absl::StatusOr<Head> head = LockHead(connection, tenant);
  if (!head.ok()) return head.status();
  event.set_sequence(head->sequence + 1);
  const std::string line = MakeAuditLine(tenant, head->hash, event);
  const absl::StatusOr<AuditRecord> readable = ReadAuditLine(line);
  if (!readable.ok()) return absl::InternalError("an event cannot be written as a record of the audit log");
  absl::Status status = connection
                            .Execute(
                                "INSERT INTO audit (tenant, sequence, time, principal, method, resource, code, line) "
                                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                                {tenant, event.sequence(), ToMicros(event.time()), event.principal().name(),
                                 event.method(), event.resource(), event.code(), line})
                            .status();
  if (status.ok()) {
    status = connection
                 .Execute("UPDATE audit_heads SET sequence = $2, hash = $3 WHERE tenant = $1",
                          {tenant, event.sequence(), readable->hash})
                 .status();
  }
  if (!status.ok()) return status;
  return line;
}

absl::StatusOr<Listed<v1::AuditEvent>> ListAuditEvents(Connection& connection, const AuditQuery& query) {
  if (query.page.size < 1 || query.page.size > kPageRowsMax) {
    return core::InvalidField("page_size", absl::StrCat("1 to ", kPageRowsMax, " is expected"));
  }
  SqlBuilder builder;
  std::string where = absl::StrCat("a.tenant = ", builder.Add(query.tenant));
  absl::StatusOr<std::string> condition = CompileAuditFilter(query.filter, &builder);
  if (!condition.ok()) return condition.status();
  if (!condition->empty()) absl::StrAppend(&where, " AND ", *condition);
  if (!query.page.token.empty()) {
    absl::StatusOr<Position> last = ReadPageToken({"audit", query.tenant, query.filter}, query.page.token);
    if (!last.ok()) return last.status();
    absl::StrAppend(&where, " AND a.sequence < ", builder.Add(last->number));
  }
  const std::string sql = absl::StrCat("SELECT a.line FROM audit a WHERE ", where, " ORDER BY a.sequence DESC LIMIT ",
                                       builder.Add(int64_t{query.page.size} + 1));
  auto rows = Select(connection, sql, builder.params(), [](const Row& row) -> absl::StatusOr<v1::AuditEvent> {
    absl::StatusOr<AuditRecord> record = ReadAuditLine(row.Text(0));
    if (!record.ok()) return absl::DataLossError("an event of the audit log is damaged: see stratus-audit verify");
    return std::move(record->event);
  });
  if (!rows.ok()) return rows.status();
  Listed<v1::AuditEvent> listed{.rows = *std::move(rows), .next_page_token = ""};
  if (listed.rows.size() > static_cast<size_t>(query.page.size)) {
    listed.rows.pop_back();
    listed.next_page_token = MakePageToken({"audit", query.tenant, query.filter}, {listed.rows.back().sequence(), ""});
  }
  return listed;
}

absl::Status EachAuditRow(Connection& connection, absl::FunctionRef<absl::Status(const KeptAudit&)> each) {
  std::string tenant;
  for (int64_t sequence = 0;;) {
    auto rows =
        Select(connection,
               "SELECT tenant, sequence, time, principal, method, resource, code, line FROM audit "
               "WHERE (tenant, sequence) > ($1, $2) ORDER BY tenant, sequence LIMIT $3",
               {tenant, sequence, kScanBatch}, [](const Row& row) -> absl::StatusOr<KeptAudit> {
                 std::string beside = absl::StrCat(row.Int(2), std::string(1, kSeparator));
                 for (int column = 3; column <= 6; ++column) beside.append(row.Text(column)).push_back(kSeparator);
                 return KeptAudit{std::string(row.Text(0)), row.Int(1), std::move(beside), std::string(row.Text(7))};
               });
    if (!rows.ok()) return rows.status();
    for (const KeptAudit& row : *rows) {
      if (absl::Status status = each(row); !status.ok()) return status;
    }
    if (rows->size() < static_cast<size_t>(kScanBatch)) return absl::OkStatus();
    tenant = rows->back().tenant;
    sequence = rows->back().sequence;
  }
}

absl::Status EachAuditHead(
    Connection& connection,
    absl::FunctionRef<absl::Status(std::string_view tenant, int64_t sequence, std::string_view hash)> each) {
  return connection
      .Execute("SELECT tenant, sequence, hash FROM audit_heads ORDER BY tenant", {},
               [&](const Row& row) { return each(row.Text(0), row.Int(1), row.Text(2)); })
      .status();
}

}  // namespace stratus::provisioning::store
