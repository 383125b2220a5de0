#include "services/provisioning/store/row_codec.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "lib/core/status.h"

namespace stratus::provisioning::store {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kPast = std::numeric_limits<int64_t>::min();

absl::Status Parse(std::string_view bytes, std::string_view what, std::string_view uid,
                   google::protobuf::MessageLite* message) {
  if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the stored record of ", core::ToAbsl(what), " ", core::ToAbsl(uid), " does not parse"));
}

}  // namespace

int64_t ToMicros(absl::Time time) {
  if (time == absl::InfiniteFuture()) return kNever;
  if (time == absl::InfinitePast()) return kPast;
  return absl::ToUnixMicros(time);
}

int64_t ToMicros(const google::protobuf::Timestamp& time) { return time.seconds() * 1'000'000 + time.nanos() / 1000; }

absl::Time FromMicros(int64_t micros) {
  if (micros == kNever) return absl::InfiniteFuture();
  if (micros == kPast) return absl::InfinitePast();
  return absl::FromUnixMicros(micros);
}

int64_t ToMicros(absl::Duration duration) {
  constexpr absl::Duration kMost = absl::Hours(24 * 36525);
  return absl::ToInt64Microseconds(std::clamp(duration, -kMost, kMost));
}

absl::StatusOr<StackRow> DecodeStack(const Row& row) {
  StackRow stack;
  stack.uid = row.Text(0);
  stack.tenant = row.Text(1);
  stack.id = row.Text(2);
  stack.version = row.Int(3);
  stack.epoch = row.Int(4);
  stack.lease_run = row.Text(5);
  stack.lease_holder = row.Text(6);
  stack.lease_expires = FromMicros(row.Int(7));
  stack.lock_id = row.Text(8);
  stack.lock_epoch = row.Int(9);
  stack.state_serial = row.Int(10);
  stack.expire_time = FromMicros(row.Int(11));
  stack.next_drift_check = FromMicros(row.Int(12));
  stack.lock_info = row.Text(13);
  stack.sealed_variables = row.Text(15);
  stack.sealed_outputs = row.Text(16);
  absl::Status status = Parse(row.Text(14), "stack", stack.uid, &stack.record);
  if (!status.ok()) return status;
  return stack;
}

absl::StatusOr<RunRow> DecodeRun(const Row& row) {
  RunRow run;
  run.uid = row.Text(0);
  run.stack_uid = row.Text(1);
  run.stack_id = row.Text(2);
  run.tenant = row.Text(3);
  run.version = row.Int(4);
  run.epoch = row.Int(5);
  run.cancel_requested = row.Int(7) != 0;
  run.force_cancel_requested = row.Int(8) != 0;
  run.deletes_stack = row.Int(9) != 0;
  run.work_folder = row.Text(10);
  run.sealed_variables = row.Text(12);
  absl::Status status = Parse(row.Text(11), "run", run.uid, &run.record);
  if (!status.ok()) return status;
  run.record.set_last_sequence(row.Int(6));
  return run;
}

bool IsQueued(v1::RunStatus status) { return status == v1::RUN_STATUS_PENDING || status == v1::RUN_STATUS_CONFIRMED; }

bool IsOpen(v1::RunStatus status) {
  switch (status) {
    case v1::RUN_STATUS_APPLIED:
    case v1::RUN_STATUS_PLANNED_AND_FINISHED:
    case v1::RUN_STATUS_DISCARDED:
    case v1::RUN_STATUS_ERRORED:
    case v1::RUN_STATUS_CANCELED:
    case v1::RUN_STATUS_FORCE_CANCELED: return false;
    default: return true;
  }
}

int64_t HeldUntil(const v1::Stack& stack) {
  if (!stack.has_lock()) return kPast;
  return stack.lock().has_expire_time() ? ToMicros(stack.lock().expire_time()) : kNever;
}

std::string Serialize(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

}  // namespace stratus::provisioning::store
