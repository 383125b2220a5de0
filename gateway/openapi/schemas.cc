#include "gateway/openapi/schemas.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/openapi/comments.h"
#include "gateway/openapi/well_known.h"
#include "google/api/field_behavior.pb.h"
#include "google/protobuf/descriptor.pb.h"

namespace stratus::gateway::openapi {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

bool HasBehavior(const FieldDescriptor* field, google::api::FieldBehavior behavior) {
  const auto& options = field->options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    if (options.GetExtension(google::api::field_behavior, i) == behavior) return true;
  }
  return false;
}

// What a map's keys look like as JSON's strings; null when anything goes.
Json KeySchema(const FieldDescriptor* key) {
  switch (key->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: return {{"enum", {"true", "false"}}};
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64: return {{"pattern", "^-?[0-9]+$"}};
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64: return {{"pattern", "^[0-9]+$"}};
    default: return nullptr;
  }
}

void Append(std::string* text, const std::string& paragraph) {
  if (paragraph.empty()) return;
  if (!text->empty()) *text += "\n\n";
  *text += paragraph;
}

// Values with their comments, an item each; empty where that tells no more than the names do.
std::string ListOfValues(const EnumDescriptor* type, bool integers) {
  std::string list;
  bool tells_more = integers;
  for (int i = 0; i < type->value_count(); ++i) {
    const auto* value = type->value(i);
    std::string comment = CommentOf(value);
    std::replace(comment.begin(), comment.end(), '\n', ' ');
    tells_more |= !comment.empty();
    absl::StrAppend(&list, i == 0 ? "- `" : "\n- `", integers ? absl::StrCat(value->number(), "` ") : "", value->name(),
                    integers ? "" : "`", comment.empty() ? "" : ": ", comment);
  }
  return tells_more ? list : "";
}

}  // namespace

bool IsScalarMessage(const Descriptor* message) {
  switch (message->well_known_type()) {
    case Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
    case Descriptor::WELLKNOWNTYPE_FLOATVALUE:
    case Descriptor::WELLKNOWNTYPE_INT64VALUE:
    case Descriptor::WELLKNOWNTYPE_UINT64VALUE:
    case Descriptor::WELLKNOWNTYPE_INT32VALUE:
    case Descriptor::WELLKNOWNTYPE_UINT32VALUE:
    case Descriptor::WELLKNOWNTYPE_STRINGVALUE:
    case Descriptor::WELLKNOWNTYPE_BYTESVALUE:
    case Descriptor::WELLKNOWNTYPE_BOOLVALUE:
    case Descriptor::WELLKNOWNTYPE_DURATION:
    case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
    case Descriptor::WELLKNOWNTYPE_FIELDMASK: return true;
    default: return false;
  }
}

bool IsFreeJson(const Descriptor* message) {
  switch (message->well_known_type()) {
    case Descriptor::WELLKNOWNTYPE_ANY:
    case Descriptor::WELLKNOWNTYPE_VALUE:
    case Descriptor::WELLKNOWNTYPE_LISTVALUE:
    case Descriptor::WELLKNOWNTYPE_STRUCT: return true;
    default: return false;
  }
}

bool IsHttpBody(const Descriptor* message) { return message->full_name() == "google.api.HttpBody"; }
bool IsRequired(const FieldDescriptor* field) { return HasBehavior(field, google::api::REQUIRED); }
bool IsOutputOnly(const FieldDescriptor* field) { return HasBehavior(field, google::api::OUTPUT_ONLY); }

std::string Schemas::NameOf(const FieldDescriptor* field) const {
  return options_.preserve_proto_field_names ? field->name() : field->json_name();
}

Json Schemas::Reference(const std::string& full_name) const {
  return {{"$ref", absl::StrCat("#/components/schemas/", full_name)}};
}

Json Schemas::OfMessage(const Descriptor* message) {
  if (Json schema = WellKnownSchema(message->full_name()); !schema.is_null()) return schema;
  if (seen_.insert(message->full_name()).second) messages_.push_back(message);
  return Reference(message->full_name());
}

Json Schemas::OfEnum(const EnumDescriptor* type) {
  if (type->full_name() == "google.protobuf.NullValue") return {{"type", "null"}};
  if (seen_.insert(type->full_name()).second) enums_.push_back(type);
  return Reference(type->full_name());
}

Json Schemas::OfElement(const FieldDescriptor* field) {
  switch (field->type()) {
    case FieldDescriptor::TYPE_MESSAGE:
    case FieldDescriptor::TYPE_GROUP: return OfMessage(field->message_type());
    case FieldDescriptor::TYPE_ENUM: return OfEnum(field->enum_type());
    default: return ScalarSchema(field->type());
  }
}

Json Schemas::OfField(const FieldDescriptor* field) {
  Json schema;
  if (field->is_map()) {
    schema = {{"type", "object"}, {"additionalProperties", OfElement(field->message_type()->map_value())}};
    if (Json keys = KeySchema(field->message_type()->map_key()); !keys.is_null()) schema["propertyNames"] = keys;
  } else if (field->is_repeated()) {
    schema = {{"type", "array"}, {"items", OfElement(field)}};
  } else {
    schema = OfElement(field);
  }
  if (const std::string comment = CommentOf(field); !comment.empty()) schema["description"] = comment;
  if (field->options().deprecated()) schema["deprecated"] = true;
  if (IsOutputOnly(field)) schema["readOnly"] = true;
  if (HasBehavior(field, google::api::INPUT_ONLY)) schema["writeOnly"] = true;
  return schema;
}

Json Schemas::MessageComponent(const Descriptor* message, const std::set<std::string>& left_out) {
  Json properties = Json::object();
  Json required = Json::array();
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (left_out.count(field->name()) > 0) continue;
    properties[NameOf(field)] = OfField(field);
    if (IsRequired(field) || field->is_required()) required.push_back(NameOf(field));
  }
  std::string description = CommentOf(message);
  for (int i = 0; i < message->real_oneof_decl_count(); ++i) {
    const auto* oneof = message->oneof_decl(i);
    std::string names;
    for (int j = 0; j < oneof->field_count(); ++j) {
      absl::StrAppend(&names, names.empty() ? "" : ", ", "`", NameOf(oneof->field(j)), "`");
    }
    Append(&description, absl::StrCat("At most one of ", names, " is set."));
  }
  Json schema = {{"type", "object"}};
  if (!description.empty()) schema["description"] = description;
  if (message->options().deprecated()) schema["deprecated"] = true;
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

Json Schemas::InlineWithout(const Descriptor* message, const std::set<std::string>& left_out) {
  return MessageComponent(message, left_out);
}

Json Schemas::EnumComponent(const EnumDescriptor* type) const {
  const bool integers = options_.enums_as_integers;
  Json values = Json::array();
  std::set<int> numbers;  // aliases share one
  for (int i = 0; i < type->value_count(); ++i) {
    const auto* value = type->value(i);
    if (!integers) values.push_back(value->name());
    if (integers && numbers.insert(value->number()).second) values.push_back(value->number());
  }
  Json schema = {{"type", integers ? "integer" : "string"}};
  std::string description = CommentOf(type);
  Append(&description, ListOfValues(type, integers));
  if (!description.empty()) schema["description"] = description;
  if (type->options().deprecated()) schema["deprecated"] = true;
  schema["enum"] = std::move(values);
  return schema;
}

Json Schemas::TakeComponents() {
  std::map<std::string, Json> components;
  while (!messages_.empty() || !enums_.empty()) {
    if (!enums_.empty()) {
      const EnumDescriptor* type = enums_.back();
      enums_.pop_back();
      components[type->full_name()] = EnumComponent(type);
      continue;
    }
    const Descriptor* message = messages_.back();
    messages_.pop_back();
    components[message->full_name()] = MessageComponent(message, {});
  }
  Json sorted = Json::object();
  for (auto& [name, schema] : components) sorted[name] = std::move(schema);
  return sorted;
}

}  // namespace stratus::gateway::openapi
