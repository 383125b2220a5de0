#include "gateway/openapi/parameters.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gateway/openapi/comments.h"
#include "google/protobuf/descriptor.pb.h"

namespace stratus::gateway::openapi {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// `*/*` variables and bare wildcards are strings whatever the field is.
Json PathSchema(const PathKey& path, const PathParameter& parameter, const FieldDescriptor* field, Schemas* schemas) {
  return field == nullptr || !PatternOf(path, parameter).empty() ? Json{{"type", "string"}} : schemas->OfElement(field);
}

std::string PathDescription(const PathKey& path, const PathParameter& parameter, const FieldDescriptor* field) {
  std::string text = field == nullptr ? "" : CommentOf(field);
  const auto add = [&text](const std::string& more) { absl::StrAppend(&text, text.empty() ? "" : "\n\n", more); };
  if (const std::string pattern = PatternOf(path, parameter); !pattern.empty()) {
    add(absl::StrCat("Part of `", parameter.variable, "`, which is `", pattern, "`."));
  } else if (!parameter.variable.empty() && parameter.variable != parameter.name) {
    add(absl::StrCat("The request's `", parameter.variable, "`."));
  }
  if (parameter.rest) add("The rest of the path: none, one or several segments, with `/` between them.");
  return text;
}

class QueryWalk {
 public:
  QueryWalk(const std::set<std::string>& bound, Schemas* schemas) : bound_(bound), schemas_(schemas) {}

  Json Run(const Descriptor* request) {
    Visit(request, "", "", /*required=*/true);
    return std::move(parameters_);
  }

 private:
  // `path` in proto names, for bound_; `name` as the query spells it.
  void Visit(const Descriptor* message, const std::string& path, const std::string& name, bool required) {
    if (std::find(open_.begin(), open_.end(), message) != open_.end()) return;
    open_.push_back(message);
    for (int i = 0; i < message->field_count(); ++i) {
      const FieldDescriptor* field = message->field(i);
      if (IsOutputOnly(field)) continue;
      const std::string field_path = path + field->name();
      if (bound_.count(field_path) > 0) continue;
      VisitField(field, field_path, name + schemas_->NameOf(field), required && IsRequired(field));
    }
    open_.pop_back();
  }

  void VisitField(const FieldDescriptor* field, const std::string& path, const std::string& name, bool required) {
    const Descriptor* type = field->message_type();
    if (field->type() == FieldDescriptor::TYPE_GROUP) return;
    if (field->is_map()) {
      const Descriptor* value = type->map_value()->message_type();
      if (value == nullptr || IsScalarMessage(value)) Add(field, name, required);
    } else if (type == nullptr || IsScalarMessage(type)) {
      Add(field, name, required);
    } else if (!field->is_repeated() && !IsFreeJson(type)) {
      Visit(type, path + ".", name + ".", required);
    }
  }

  void Add(const FieldDescriptor* field, const std::string& name, bool required) {
    Json schema = schemas_->OfField(field);
    for (const char* annotation : {"description", "deprecated", "readOnly", "writeOnly"}) schema.erase(annotation);
    Json parameter = {{"name", name}, {"in", "query"}};
    if (const std::string comment = CommentOf(field); !comment.empty()) parameter["description"] = comment;
    if (required) parameter["required"] = true;
    if (field->options().deprecated()) parameter["deprecated"] = true;
    if (field->is_map()) {
      parameter["style"] = "deepObject";
      parameter["explode"] = true;
    } else if (field->is_repeated()) {
      parameter["style"] = "form";
      parameter["explode"] = true;
    }
    parameter["schema"] = std::move(schema);
    parameters_.push_back(std::move(parameter));
  }

  const std::set<std::string>& bound_;
  Schemas* schemas_;
  Json parameters_ = Json::array();
  std::vector<const Descriptor*> open_;
};

}  // namespace

absl::StatusOr<std::vector<const FieldDescriptor*>> ResolveFieldPath(const Descriptor* message,
                                                                     const std::string& dotted) {
  std::vector<const FieldDescriptor*> fields;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(dotted, '.'))) {
    if (message == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("`", dotted, "`: `", fields.back()->name(), "` is not a singular message"));
    }
    const FieldDescriptor* field = message->FindFieldByName(part);
    if (field == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("`", dotted, "`: ", message->full_name(), " has no field `", part, "`"));
    }
    fields.push_back(field);
    message = field->is_repeated() ? nullptr : field->message_type();
  }
  return fields;
}

absl::StatusOr<Json> PathParameters(const PathKey& path, const Descriptor* request, Schemas* schemas) {
  Json parameters = Json::array();
  for (const PathParameter& parameter : path.parameters) {
    const FieldDescriptor* field = nullptr;
    if (!parameter.variable.empty()) {
      auto fields = ResolveFieldPath(request, parameter.variable);
      if (!fields.ok()) return fields.status();
      field = fields->back();
      if (field->is_repeated() || (field->message_type() != nullptr && !IsScalarMessage(field->message_type()))) {
        return absl::InvalidArgumentError(
            absl::StrCat("`", parameter.variable, "`: a path variable must be a singular field of a scalar type"));
      }
    }
    Json json = {{"name", parameter.name}, {"in", "path"}, {"required", true}};
    if (const std::string text = PathDescription(path, parameter, field); !text.empty()) json["description"] = text;
    json["schema"] = PathSchema(path, parameter, field, schemas);
    parameters.push_back(std::move(json));
  }
  return parameters;
}

Json QueryParameters(const Descriptor* request, const std::set<std::string>& bound, Schemas* schemas) {
  return QueryWalk(bound, schemas).Run(request);
}

}  // namespace stratus::gateway::openapi
