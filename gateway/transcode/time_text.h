// google.protobuf.Timestamp and Duration, to and from their ProtoJSON text (without the quotes).
#pragma once

#include <cstdint>
#include <string_view>

namespace stratus::gateway::transcode {

inline constexpr int64_t kTimestampSecondsMin = -62'135'596'800;  // 0001-01-01T00:00:00Z
inline constexpr int64_t kTimestampSecondsMax = 253'402'300'799;  // 9999-12-31T23:59:59Z
inline constexpr int64_t kDurationSecondsMax = 315'576'000'000;   // 10,000 years
inline constexpr int32_t kNanosPerSecond = 1'000'000'000;

// Room that the writers need.
inline constexpr size_t kTimeTextSizeMax = 40;

// Formats timestamps; remembers the last date, because neighbours mostly share it.
class TimestampFormatter {
 public:
  // Null when the value is out of range.
  char* Write(char* out, int64_t seconds, int64_t nanos);

 private:
  int64_t day_ = INT64_MIN;
  char date_[16] = {};  // `2026-01-31T`
};

// Null when the value is out of range or seconds and nanos differ in sign.
char* WriteDuration(char* out, int64_t seconds, int64_t nanos);

// RFC 3339 with 0 to 9 fractional digits, `Z` or an offset. False for anything else, or what is out of range.
bool ParseTimestamp(std::string_view text, int64_t* seconds, int32_t* nanos);

// `-1.5s`. False for anything else, or what is out of range.
bool ParseDuration(std::string_view text, int64_t* seconds, int32_t* nanos);

}  // namespace stratus::gateway::transcode
