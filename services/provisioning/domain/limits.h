// Ranges of what requests may ask for; each Check adds what is wrong under `field`.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/provisioning/domain/violations.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::domain {

inline constexpr int kLabelsMax = 64;
inline constexpr size_t kTextMax = 500;  // characters of Run.message and StackLock.reason
inline constexpr int kPageSizeDefault = 50;
inline constexpr int kPageSizeMax = 1000;
inline constexpr size_t kFilterMax = 1000;

inline constexpr absl::Duration kTtlMin = absl::Seconds(60);
inline constexpr absl::Duration kTtlMax = absl::Hours(24 * 3653);  // ten years
inline constexpr absl::Duration kDriftIntervalMin = absl::Minutes(5);
inline constexpr absl::Duration kDriftIntervalMax = absl::Hours(24 * 30);
inline constexpr absl::Duration kLockTtlDefault = absl::Hours(1);
inline constexpr absl::Duration kLockTtlMin = absl::Seconds(60);
inline constexpr absl::Duration kLockTtlMax = absl::Hours(24 * 7);

// At most 64; keys 1..63 of [a-z0-9._/-], values at most 255 characters.
void CheckLabels(const google::protobuf::Map<std::string, std::string>& labels, std::string_view field,
                 Violations* violations);

// UTF-8 of at most kTextMax characters.
void CheckText(std::string_view text, std::string_view field, Violations* violations);

// When the stack expires: InfiniteFuture when the stack has no expiration or a bad one (which adds a violation). `now`
// decides what lies in the future.
absl::Time CheckExpiration(const v1::Stack& stack, absl::Time now, Violations* violations);

// The duration where it is within the range; else ZeroDuration and a violation.
absl::Duration CheckDuration(const google::protobuf::Duration& duration, absl::Duration min, absl::Duration max,
                             std::string_view field, Violations* violations);

// 1..1000; 0 gives 50. More than 1000 gives 1000 (AIP-158), less than 0 a violation.
int CheckPageSize(int page_size, Violations* violations);

// Empty, or at most 128 characters of [A-Za-z0-9._-].
bool IsRequestId(std::string_view id);

absl::Time FromProto(const google::protobuf::Timestamp& time);
google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);

}  // namespace stratus::provisioning::domain
