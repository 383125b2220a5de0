#include "services/provisioning/domain/variables_json.h"

#include <charconv>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::provisioning::domain {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

void AppendNumber(double number, std::string* out) {
  if (!std::isfinite(number)) {
    out->append("null");
    return;
  }
  if (std::trunc(number) == number && std::fabs(number) <= 9007199254740992) {
    absl::StrAppend(out, static_cast<int64_t>(number));
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  out->append(digits, end.ptr);
}

void Append(const Value& value, std::string* out);

void Append(const Struct& object, std::string* out) {
  std::map<std::string_view, const Value*> sorted;
  for (const auto& [name, value] : object.fields()) sorted.emplace(name, &value);
  out->push_back('{');
  bool first = true;
  for (const auto& [name, value] : sorted) {
    if (!first) out->push_back(',');
    first = false;
    core::AppendJsonString(out, name);
    out->push_back(':');
    Append(*value, out);
  }
  out->push_back('}');
}

void Append(const Value& value, std::string* out) {
  switch (value.kind_case()) {
    case Value::kNumberValue: AppendNumber(value.number_value(), out); return;
    case Value::kStringValue: core::AppendJsonString(out, value.string_value()); return;
    case Value::kBoolValue: out->append(value.bool_value() ? "true" : "false"); return;
    case Value::kStructValue: Append(value.struct_value(), out); return;
    case Value::kListValue:
      out->push_back('[');
      for (int i = 0; i < value.list_value().values_size(); ++i) {
        if (i > 0) out->push_back(',');
        Append(value.list_value().values(i), out);
      }
      out->push_back(']');
      return;
    default: out->append("null"); return;
  }
}

}  // namespace

std::string ToJson(const Value& value) {
  std::string text;
  Append(value, &text);
  return text;
}

std::string ToJson(const Struct& object) {
  std::string text;
  Append(object, &text);
  return text;
}

absl::StatusOr<Struct> StructFromJson(std::string_view text) {
  Struct object;
  if (!google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &object).ok()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  return object;
}

}  // namespace stratus::provisioning::domain
