#include "lib/core/config_scalar.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

namespace stratus::core {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Result = absl::StatusOr<std::optional<double>>;

// An error repeats a value, for one who looks for it in the file; never a long one.
std::string Shown(const ConfigScalar& scalar) {
  constexpr size_t kShownMax = 40;
  const std::string text = scalar.text.size() > kShownMax ? scalar.text.substr(0, kShownMax) + "..." : scalar.text;
  return scalar.quoted ? absl::StrCat("the string \"", text, "\"") : absl::StrCat("`", text, "`");
}

absl::Status Refused(const char* expected, const ConfigScalar& scalar) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", expected, ", found ", Shown(scalar)));
}

// Calls the setter for a singular field, the adder for a repeated one.
template <typename Value, typename Setter, typename Adder>
void Store(const FieldDescriptor& field, Message* message, Setter set, Adder add, Value value) {
  const auto* reflection = message->GetReflection();
  if (field.is_repeated()) {
    (reflection->*add)(message, &field, std::move(value));
  } else {
    (reflection->*set)(message, &field, std::move(value));
  }
}

template <typename Integer, typename Setter, typename Adder>
Result SetInteger(const ConfigScalar& scalar, const FieldDescriptor& field, Message* message, Setter set, Adder add) {
  Integer value = 0;
  if (scalar.quoted || !absl::SimpleAtoi(scalar.text, &value)) {
    return Refused(sizeof(Integer) == 4 ? (std::is_signed_v<Integer> ? "a 32-bit integer" : "a 32-bit integer >= 0")
                                        : (std::is_signed_v<Integer> ? "an integer" : "an integer >= 0"),
                   scalar);
  }
  Store(field, message, set, add, value);
  return static_cast<double>(value);
}

template <typename Float, typename Setter, typename Adder>
Result SetFloat(const ConfigScalar& scalar, const FieldDescriptor& field, Message* message, Setter set, Adder add) {
  double value = 0;
  if (scalar.quoted || !absl::SimpleAtod(scalar.text, &value) || !std::isfinite(static_cast<Float>(value))) {
    return Refused("a number", scalar);
  }
  Store(field, message, set, add, static_cast<Float>(value));
  return value;
}

Result SetBool(const ConfigScalar& scalar, const FieldDescriptor& field, Message* message) {
  using google::protobuf::Reflection;
  if (scalar.quoted || (scalar.text != "true" && scalar.text != "false")) return Refused("true or false", scalar);
  Store(field, message, &Reflection::SetBool, &Reflection::AddBool, scalar.text == "true");
  return std::nullopt;
}

Result SetEnum(const ConfigScalar& scalar, const FieldDescriptor& field, Message* message) {
  using google::protobuf::Reflection;
  const auto* value = field.enum_type()->FindValueByName(scalar.text);
  if (value == nullptr) {
    std::vector<std::string> names;
    for (int i = 0; i < field.enum_type()->value_count(); ++i) names.push_back(field.enum_type()->value(i)->name());
    return Refused(absl::StrCat("one of ", absl::StrJoin(names, ", ")).c_str(), scalar);
  }
  Store(field, message, &Reflection::SetEnum, &Reflection::AddEnum, value);
  return std::nullopt;
}

Result SetDuration(const ConfigScalar& scalar, const FieldDescriptor& field, Message* message) {
  absl::Duration duration;
  // Protobuf's own bound on durations is about 10,000 years: a tenth of it is enough for any setting.
  if (!absl::ParseDuration(scalar.text, &duration) || duration < absl::ZeroDuration() ||
      duration > absl::Hours(24 * 365 * 1000)) {
    return Refused("a duration such as 250ms, 5s, 10m or 1h30m", scalar);
  }
  const auto* reflection = message->GetReflection();
  auto* proto = static_cast<google::protobuf::Duration*>(
      field.is_repeated() ? reflection->AddMessage(message, &field) : reflection->MutableMessage(message, &field));
  const double seconds = absl::ToDoubleSeconds(duration);
  proto->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return seconds;
}

}  // namespace

bool IsDuration(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_MESSAGE &&
         field.message_type() == google::protobuf::Duration::descriptor();
}

Result SetConfigScalar(const ConfigScalar& scalar, const FieldDescriptor& field, Message* message) {
  using google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return SetInteger<int32_t>(scalar, field, message, &Reflection::SetInt32, &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return SetInteger<int64_t>(scalar, field, message, &Reflection::SetInt64, &Reflection::AddInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return SetInteger<uint32_t>(scalar, field, message, &Reflection::SetUInt32, &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return SetInteger<uint64_t>(scalar, field, message, &Reflection::SetUInt64, &Reflection::AddUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return SetFloat<double>(scalar, field, message, &Reflection::SetDouble, &Reflection::AddDouble);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return SetFloat<float>(scalar, field, message, &Reflection::SetFloat, &Reflection::AddFloat);
    case FieldDescriptor::CPPTYPE_BOOL: return SetBool(scalar, field, message);
    case FieldDescriptor::CPPTYPE_ENUM: return SetEnum(scalar, field, message);
    case FieldDescriptor::CPPTYPE_STRING:
      Store(field, message, &Reflection::SetString, &Reflection::AddString, scalar.text);
      return std::nullopt;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (IsDuration(field)) return SetDuration(scalar, field, message);
      return Refused("a mapping", scalar);
  }
  return Refused("another type", scalar);
}

}  // namespace stratus::core
