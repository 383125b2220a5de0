#include "services/provisioning/store/approval_rewrite.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/unknown_field_set.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/principals.h"
#include "services/provisioning/store/query.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {
namespace {

constexpr int kBatch = 200;  // records in memory at once
constexpr int kStackAutoApprove = 8;
constexpr int kRunAutoApprove = 4;

// Whether the former bool was true; takes it out.
bool TakeFormerBool(google::protobuf::Message* message, int number) {
  google::protobuf::UnknownFieldSet& unknown = *message->GetReflection()->MutableUnknownFields(message);
  bool value = false;
  for (int i = 0; i < unknown.field_count(); ++i) {
    const google::protobuf::UnknownField& field = unknown.field(i);
    if (field.number() == number && field.type() == google::protobuf::UnknownField::TYPE_VARINT) {
      value = field.varint() != 0;
    }
  }
  unknown.DeleteByNumber(number);
  return value;
}

v1::ApprovalPolicy PolicyOf(bool auto_approve) {
  return auto_approve ? v1::APPROVAL_POLICY_AUTO : v1::APPROVAL_POLICY_MANUAL;
}

v1::Principal PrincipalOf(const std::string& text) {
  return text == domain::SystemPrincipal().name() ? domain::SystemPrincipal() : domain::LegacyPrincipal(text);
}

void Rewrite(v1::Stack* stack) {
  stack->set_approval_policy(PolicyOf(TakeFormerBool(stack, kStackAutoApprove)));
  if (!stack->has_lock()) return;
  *stack->mutable_lock()->mutable_held_by() = PrincipalOf(stack->lock().holder());
  stack->mutable_lock()->set_holder(stack->lock().held_by().name());
}

void Rewrite(v1::Run* run) {
  run->set_approval_policy(PolicyOf(TakeFormerBool(run, kRunAutoApprove)));
  *run->mutable_created_by() = PrincipalOf(run->creator());
  run->set_creator(run->created_by().name());
}

struct Stored {
  std::string uid;
  std::string record;
};

template <typename Record>
absl::Status RewriteTable(Connection& connection, std::string_view table) {
  const std::string select =
      absl::StrCat("SELECT uid, record FROM ", core::ToAbsl(table), " WHERE uid > $1 ORDER BY uid LIMIT $2");
  const std::string update = absl::StrCat("UPDATE ", core::ToAbsl(table), " SET record = $2 WHERE uid = $1");
  for (std::string after;;) {
    auto rows = Select(connection, select, {after, kBatch}, [](const Row& row) -> absl::StatusOr<Stored> {
      return Stored{std::string(row.Text(0)), std::string(row.Text(1))};
    });
    if (!rows.ok()) return rows.status();
    for (const Stored& row : *rows) {
      Record record;
      if (!record.ParseFromString(row.record)) {
        return absl::DataLossError(absl::StrCat("the stored record of ", row.uid, " does not parse"));
      }
      Rewrite(&record);
      const std::string bytes = Serialize(record);
      absl::Status status = connection.Execute(update, {row.uid, Bytes{bytes}}).status();
      if (!status.ok()) return status;
    }
    if (rows->size() < kBatch) return absl::OkStatus();
    after = rows->back().uid;
  }
}

}  // namespace

absl::Status RewriteApprovals(Connection& connection) {
  absl::Status status = RewriteTable<v1::Stack>(connection, "stacks");
  if (status.ok()) status = RewriteTable<v1::Run>(connection, "runs");
  return status.ok() ? RewriteTable<v1::Run>(connection, "tombstones") : status;
}

}  // namespace stratus::provisioning::store
