// Rows of the tables to and from the structs of rows.h.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/provisioning/store/database.h"
#include "services/provisioning/store/rows.h"

namespace stratus::provisioning::store {

// Microseconds since 1970; the ends of int64 stand for the infinite.
int64_t ToMicros(absl::Time time);
int64_t ToMicros(const google::protobuf::Timestamp& time);
absl::Time FromMicros(int64_t micros);
// How long, with at most a hundred years: sums with the clock must not overflow.
int64_t ToMicros(absl::Duration duration);

// Columns in the order that the decoders expect; tables are called s and r.
inline constexpr std::string_view kStackColumns =
    "s.uid, s.tenant, s.id, s.version, s.epoch, s.lease_run, s.lease_holder, s.lease_expires, s.lock_id, s.lock_epoch, "
    "s.state_serial, s.expire_time, s.next_drift_check, s.lock_info, s.record, s.sealed_variables, s.sealed_outputs, "
    "s.create_time, s.update_time";
inline constexpr int kStackCreateTimeColumn = 17;
inline constexpr int kStackUpdateTimeColumn = 18;

// Of runs and of tombstones.
inline constexpr std::string_view kRunColumns =
    "r.uid, r.stack_uid, r.stack_id, r.tenant, r.version, r.epoch, r.last_sequence, r.cancel_requested, "
    "r.force_cancel_requested, r.deletes_stack, r.work_folder, r.record, r.sealed_variables";
inline constexpr int kRunSeqColumn = 13;  // where a query adds it

// DATA_LOSS: a record that does not parse.
absl::StatusOr<StackRow> DecodeStack(const Row& row);
absl::StatusOr<RunRow> DecodeRun(const Row& row);

bool IsQueued(v1::RunStatus status);  // PENDING, CONFIRMED
bool IsOpen(v1::RunStatus status);    // has not ended

// Until when LockStack keeps runs away; the past when it does not.
int64_t HeldUntil(const v1::Stack& stack);

// Serialized the same each time, so that equal records are equal bytes.
std::string Serialize(const google::protobuf::MessageLite& message);

}  // namespace stratus::provisioning::store
