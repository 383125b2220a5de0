#include "gateway/openapi/well_known.h"

#include "absl/container/flat_hash_map.h"

namespace stratus::gateway::openapi {
namespace {

using google::protobuf::FieldDescriptor;

Json Described(Json schema, const char* description) {
  schema["description"] = description;
  return schema;
}

// A wrapper's value, or null.
Json Nullable(FieldDescriptor::Type type) {
  Json schema = ScalarSchema(type);
  schema["type"] = Json::array({schema["type"], "null"});
  return schema;
}

absl::flat_hash_map<std::string_view, Json> MakeTable() {
  absl::flat_hash_map<std::string_view, Json> table;
  table["google.protobuf.Timestamp"] =
      Described({{"type", "string"}, {"format", "date-time"}}, "A moment in RFC 3339, such as `2026-01-31T09:30:00Z`.");
  table["google.protobuf.Duration"] = Described({{"type", "string"}, {"pattern", R"(^-?[0-9]+(\.[0-9]{1,9})?s$)"}},
                                                "A span of time in seconds with the suffix `s`, such as `1.5s`.");
  table["google.protobuf.FieldMask"] =
      Described({{"type", "string"}}, "Field names separated by commas, such as `displayName,labels`.");
  table["google.protobuf.Struct"] = {{"type", "object"}, {"additionalProperties", true}};
  table["google.protobuf.Value"] = Described(Json::object(), "Any JSON value.");
  table["google.protobuf.ListValue"] = {{"type", "array"}, {"items", Json::object()}};
  table["google.protobuf.Empty"] = {{"type", "object"}};
  table["google.protobuf.Any"] = {
      {"type", "object"},
      {"description", "A message of any type, with the fields of that type beside `@type`."},
      {"properties", {{"@type", {{"type", "string"}, {"description", "The type's URL."}}}}},
      {"required", Json::array({"@type"})},
      {"additionalProperties", true}};
  table["google.protobuf.DoubleValue"] = Nullable(FieldDescriptor::TYPE_DOUBLE);
  table["google.protobuf.FloatValue"] = Nullable(FieldDescriptor::TYPE_FLOAT);
  table["google.protobuf.Int64Value"] = Nullable(FieldDescriptor::TYPE_INT64);
  table["google.protobuf.UInt64Value"] = Nullable(FieldDescriptor::TYPE_UINT64);
  table["google.protobuf.Int32Value"] = Nullable(FieldDescriptor::TYPE_INT32);
  table["google.protobuf.UInt32Value"] = Nullable(FieldDescriptor::TYPE_UINT32);
  table["google.protobuf.BoolValue"] = Nullable(FieldDescriptor::TYPE_BOOL);
  table["google.protobuf.StringValue"] = Nullable(FieldDescriptor::TYPE_STRING);
  table["google.protobuf.BytesValue"] = Nullable(FieldDescriptor::TYPE_BYTES);
  return table;
}

}  // namespace

Json WellKnownSchema(std::string_view full_name) {
  static const auto* const kTable = new absl::flat_hash_map<std::string_view, Json>(MakeTable());
  const auto found = kTable->find(full_name);
  return found == kTable->end() ? Json() : found->second;
}

Json ScalarSchema(FieldDescriptor::Type type) {
  switch (type) {
    case FieldDescriptor::TYPE_DOUBLE: return {{"type", "number"}, {"format", "double"}};
    case FieldDescriptor::TYPE_FLOAT: return {{"type", "number"}, {"format", "float"}};
    case FieldDescriptor::TYPE_INT32:
    case FieldDescriptor::TYPE_SINT32:
    case FieldDescriptor::TYPE_SFIXED32: return {{"type", "integer"}, {"format", "int32"}};
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_FIXED32:
      return {{"type", "integer"}, {"format", "uint32"}, {"minimum", 0}, {"maximum", 4294967295u}};
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_SINT64:
    case FieldDescriptor::TYPE_SFIXED64: return {{"type", "string"}, {"format", "int64"}, {"pattern", "^-?[0-9]+$"}};
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_FIXED64: return {{"type", "string"}, {"format", "uint64"}, {"pattern", "^[0-9]+$"}};
    case FieldDescriptor::TYPE_BOOL: return {{"type", "boolean"}};
    case FieldDescriptor::TYPE_BYTES: return {{"type", "string"}, {"format", "byte"}, {"contentEncoding", "base64"}};
    case FieldDescriptor::TYPE_STRING:
    default: return {{"type", "string"}};
  }
}

}  // namespace stratus::gateway::openapi
