#include "services/provisioning/domain/limits.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "services/provisioning/domain/variable_schema.h"

namespace stratus::provisioning::domain {
namespace {

constexpr size_t kLabelKeyMax = 63;
constexpr size_t kLabelValueMax = 255;
constexpr size_t kRequestIdMax = 128;

size_t Characters(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool IsLabelKey(std::string_view key) {
  return !key.empty() && key.size() <= kLabelKeyMax && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '/' || c == '-';
  });
}

bool IsValid(const google::protobuf::Duration& duration) {
  const bool same_sign =
      (duration.seconds() >= 0 && duration.nanos() >= 0) || (duration.seconds() <= 0 && duration.nanos() <= 0);
  return same_sign && std::abs(duration.seconds()) <= 315'576'000'000 && std::abs(duration.nanos()) < 1'000'000'000;
}

}  // namespace

void CheckLabels(const google::protobuf::Map<std::string, std::string>& labels, std::string_view field,
                 Violations* violations) {
  if (labels.size() > kLabelsMax) {
    violations->Add(field, absl::StrCat("has ", labels.size(), " labels; at most ", kLabelsMax, " are allowed"));
    return;
  }
  const std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  for (const auto& [key, value] : sorted) {
    const std::string path = ChildPath(field, key);
    if (!IsLabelKey(key)) violations->Add(path, "the key must be 1 to 63 of [a-z0-9._/-]");
    if (Characters(value) > kLabelValueMax) {
      violations->Add(path, absl::StrCat("the value must be at most ", kLabelValueMax, " characters"));
    }
  }
}

void CheckText(std::string_view text, std::string_view field, Violations* violations) {
  if (Characters(text) > kTextMax) violations->Add(field, absl::StrCat("must be at most ", kTextMax, " characters"));
}

absl::Time CheckExpiration(const v1::Stack& stack, absl::Time now, Violations* violations) {
  if (stack.has_ttl()) {
    const absl::Duration ttl = CheckDuration(stack.ttl(), kTtlMin, kTtlMax, "stack.ttl", violations);
    return ttl > absl::ZeroDuration() ? now + ttl : absl::InfiniteFuture();
  }
  if (!stack.has_expire_time()) return absl::InfiniteFuture();
  const absl::Time time = FromProto(stack.expire_time());
  if (time > now && time <= now + kTtlMax) return time;
  violations->Add("stack.expire_time", "must be in the future, by ten years at most");
  return absl::InfiniteFuture();
}

absl::Duration CheckDuration(const google::protobuf::Duration& duration, absl::Duration min, absl::Duration max,
                             std::string_view field, Violations* violations) {
  const absl::Duration value = absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
  if (IsValid(duration) && value >= min && value <= max) return value;
  violations->Add(field, absl::StrCat("must be ", absl::ToInt64Seconds(min), "s to ", absl::ToInt64Seconds(max), "s"));
  return absl::ZeroDuration();
}

int CheckPageSize(int page_size, Violations* violations) {
  if (page_size < 0) violations->Add("page_size", "must be 1 to 1000, or 0 for 50");
  if (page_size <= 0) return kPageSizeDefault;
  return std::min(page_size, kPageSizeMax);
}

bool IsRequestId(std::string_view id) {
  return id.size() <= kRequestIdMax && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<int32_t>((time - absl::FromUnixSeconds(seconds)) / absl::Nanoseconds(1)));
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  absl::Duration rest;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

}  // namespace stratus::provisioning::domain
