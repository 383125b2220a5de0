// JSON Schemas (2020-12, as OpenAPI 3.1 takes them) of what ProtoJSON makes of messages, enums and fields.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "gateway/openapi/json.h"
#include "google/protobuf/descriptor.h"

namespace stratus::gateway::openapi {

struct SchemaOptions {
  bool preserve_proto_field_names = false;
  bool enums_as_integers = false;
};

// Gives schemas by reference, and collects the components that the references need.
class Schemas {
 public:
  explicit Schemas(SchemaOptions options) : options_(options) {}

  // `{"$ref": ...}`, or the schema itself for a well-known type with a form of its own.
  Json OfMessage(const google::protobuf::Descriptor* message);
  // The value of one field: an array or a map for a repeated one; with the field's comment.
  Json OfField(const google::protobuf::FieldDescriptor* field);
  // The same without comment and annotations, and of one element for a repeated field.
  Json OfElement(const google::protobuf::FieldDescriptor* field);
  // A message's schema written out, without the named fields (proto names).
  Json InlineWithout(const google::protobuf::Descriptor* message, const std::set<std::string>& left_out);

  // The name that JSON and query parameters give a field.
  std::string NameOf(const google::protobuf::FieldDescriptor* field) const;

  // Every component referred to so far, and those that they refer to, sorted by name.
  Json TakeComponents();

 private:
  Json Reference(const std::string& full_name) const;
  Json OfEnum(const google::protobuf::EnumDescriptor* type);
  Json MessageComponent(const google::protobuf::Descriptor* message, const std::set<std::string>& left_out);
  Json EnumComponent(const google::protobuf::EnumDescriptor* type) const;

  SchemaOptions options_;
  std::set<std::string> seen_;
  std::vector<const google::protobuf::Descriptor*> messages_;  // to be written
  std::vector<const google::protobuf::EnumDescriptor*> enums_;
};

// Whether ProtoJSON writes the type as a single string, number or bool: such a message can be a query parameter.
bool IsScalarMessage(const google::protobuf::Descriptor* message);
// google.protobuf.Struct, Value, ListValue, Any: any JSON, which no query parameter can carry.
bool IsFreeJson(const google::protobuf::Descriptor* message);
bool IsHttpBody(const google::protobuf::Descriptor* message);

// google.api.field_behavior.
bool IsRequired(const google::protobuf::FieldDescriptor* field);
bool IsOutputOnly(const google::protobuf::FieldDescriptor* field);

}  // namespace stratus::gateway::openapi
