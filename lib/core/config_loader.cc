#include "lib/core/config_loader.h"

#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "lib/core/config_scalar.h"
#include "lib/core/status.h"

namespace stratus::core {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const char* KindOf(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map: return "a mapping";
    case YAML::NodeType::Sequence: return "a sequence";
    case YAML::NodeType::Scalar: return "a single value";
    default: return "nothing";
  }
}

std::string Join(const std::string& path, const std::string& key) {
  return path.empty() ? key : absl::StrCat(path, ".", key);
}

// Where a value stands: `shown` with indexes and map keys for the reader, `schema` with field names alone for bounds.
struct Path {
  std::string shown;
  std::string schema;

  Path Field(const std::string& name) const { return {Join(shown, name), Join(schema, name)}; }
  Path Element(size_t index) const { return {absl::StrCat(shown, "[", index, "]"), schema}; }
  Path Entry(const std::string& key) const { return {absl::StrCat(shown, "[", key, "]"), schema}; }
};

class Reader {
 public:
  Reader(std::string_view name, const ConfigOptions& options) : name_(name), options_(options) {
    for (const ConfigBound& bound : options.bounds) bounds_[std::string(bound.path)] = bound;
  }

  // Recursion is as deep as the schema's and the file's nesting, and never deeper than depth_max.
  absl::Status ReadMessage(const YAML::Node& node, const Path& path, int depth, Message* message) {
    if (!node.IsMap()) return WrongKind(node, path, "a mapping");
    if (absl::Status status = Count(node, path, depth); !status.ok()) return status;
    std::set<std::string> seen;
    for (const auto& entry : node) {
      absl::StatusOr<std::string> key = Key(entry.first, path, &seen);
      if (!key.ok()) return key.status();
      const Path at = path.Field(*key);
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(*key);
      if (field == nullptr) return Unknown(entry.first, at, *message->GetDescriptor());
      if (field->real_containing_oneof() != nullptr &&
          message->GetReflection()->HasOneof(*message, field->real_containing_oneof())) {
        return Refuse(
            entry.first, at,
            absl::StrCat("only one of the fields of `", field->real_containing_oneof()->name(), "` may be set"));
      }
      if (absl::Status status = ReadField(entry.second, entry.first, at, depth, *field, message); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status Refuse(const YAML::Node& node, const Path& path, std::string_view reason) const {
    return RefuseAt(node.Mark(), path, reason);
  }

  absl::Status RefuseAt(const YAML::Mark& mark, const Path& path, std::string_view reason) const {
    return absl::InvalidArgumentError(absl::StrCat(ToAbsl(name_), ":", mark.line + 1, ":", mark.column + 1, ": ",
                                                   path.shown, path.shown.empty() ? "" : ": ", ToAbsl(reason)));
  }

 private:
  absl::Status ReadField(const YAML::Node& node, const YAML::Node& key, const Path& path, int depth,
                         const FieldDescriptor& field, Message* message) {
    // A missing value has no place of its own, so the key's is named.
    if (node.IsNull()) return Refuse(key, path, "the key has no value");
    if (field.is_map()) return ReadMap(node, path, depth, field, message);
    if (!field.is_repeated()) return ReadValue(node, path, depth, field, message);
    if (!node.IsSequence()) return WrongKind(node, path, "a sequence");
    if (absl::Status status = Count(node, path, depth); !status.ok()) return status;
    for (size_t i = 0; i < node.size(); ++i) {
      if (absl::Status status = ReadValue(node[i], path.Element(i), depth + 1, field, message); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  // One value: of a singular field, or one more of a repeated one.
  absl::Status ReadValue(const YAML::Node& node, const Path& path, int depth, const FieldDescriptor& field,
                         Message* message) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !IsDuration(field)) {
      const auto* reflection = message->GetReflection();
      return ReadMessage(
          node, path, depth + 1,
          field.is_repeated() ? reflection->AddMessage(message, &field) : reflection->MutableMessage(message, &field));
    }
    if (!node.IsScalar()) return WrongKind(node, path, "a single value");
    if (absl::Status status = Count(node, path, depth); !status.ok()) return status;
    // yaml-cpp gives a quoted scalar the tag "!".
    const auto number = SetConfigScalar({.text = node.Scalar(), .quoted = node.Tag() == "!"}, field, message);
    if (!number.ok()) return Refuse(node, path, ToStd(number.status().message()));
    return number->has_value() ? CheckBound(node, path, field, **number) : absl::OkStatus();
  }

  absl::Status ReadMap(const YAML::Node& node, const Path& path, int depth, const FieldDescriptor& field,
                       Message* message) {
    if (!node.IsMap()) return WrongKind(node, path, "a mapping");
    if (absl::Status status = Count(node, path, depth); !status.ok()) return status;
    std::set<std::string> seen;
    for (const auto& pair : node) {
      absl::StatusOr<std::string> key = Key(pair.first, path, &seen);
      if (!key.ok()) return key.status();
      const Path at = path.Entry(*key);
      Message* entry = message->GetReflection()->AddMessage(message, &field);
      const auto set = SetConfigScalar({.text = *key, .quoted = false}, *field.message_type()->map_key(), entry);
      if (!set.ok()) return Refuse(pair.first, at, ToStd(set.status().message()));
      const absl::Status status =
          ReadField(pair.second, pair.first, at, depth + 1, *field.message_type()->map_value(), entry);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Key(const YAML::Node& node, const Path& path, std::set<std::string>* seen) const {
    if (!node.IsScalar()) return Refuse(node, path, "a key must be a single value");
    if (!seen->insert(node.Scalar()).second)
      return Refuse(node, path.Field(node.Scalar()), "the key stands here twice");
    return node.Scalar();
  }

  absl::Status CheckBound(const YAML::Node& node, const Path& path, const FieldDescriptor& field, double value) const {
    const auto found = bounds_.find(path.schema);
    if (found == bounds_.end() || (value >= found->second.min && value <= found->second.max)) return absl::OkStatus();
    const auto show = [&field](double bound) {
      return IsDuration(field) ? absl::FormatDuration(absl::Seconds(bound)) : absl::StrCat(bound);
    };
    std::string range = absl::StrCat("at least ", show(found->second.min));
    if (found->second.max != std::numeric_limits<double>::infinity()) {
      range = absl::StrCat(show(found->second.min), " to ", show(found->second.max));
    }
    return Refuse(node, path, absl::StrCat(node.Scalar(), " is out of range: ", range));
  }

  absl::Status Count(const YAML::Node& node, const Path& path, int depth) {
    if (depth > options_.depth_max) return Refuse(node, path, "nested too deeply");
    // Without this, a few lines of aliases to aliases would stand for billions of values.
    if (++values_ > options_.values_max) return Refuse(node, path, "too many values");
    return absl::OkStatus();
  }

  absl::Status WrongKind(const YAML::Node& node, const Path& path, const char* expected) const {
    return Refuse(node, path, absl::StrCat("expected ", expected, ", found ", KindOf(node)));
  }

  absl::Status Unknown(const YAML::Node& node, const Path& path, const Descriptor& descriptor) const {
    std::vector<std::string> known;
    for (int i = 0; i < descriptor.field_count(); ++i) known.push_back(descriptor.field(i)->name());
    return Refuse(node, path, absl::StrCat("unknown key; known here: ", absl::StrJoin(known, ", ")));
  }

  const std::string_view name_;
  const ConfigOptions& options_;
  absl::flat_hash_map<std::string, ConfigBound> bounds_;
  size_t values_ = 0;
};

// A bound on a field that does not exist would never bind: a mistake in this program, not in the file.
absl::Status CheckBounds(const ConfigOptions& options, const Descriptor& root) {
  for (const ConfigBound& bound : options.bounds) {
    const Descriptor* at = &root;
    const FieldDescriptor* field = nullptr;
    for (const std::string& name : std::vector<std::string>(absl::StrSplit(ToAbsl(bound.path), '.'))) {
      field = at == nullptr ? nullptr : at->FindFieldByName(name);
      if (field == nullptr) return absl::InternalError(absl::StrCat("bound on no field: ", ToAbsl(bound.path)));
      at = field->is_map() ? field->message_type()->map_value()->message_type() : field->message_type();
    }
  }
  return absl::OkStatus();
}

absl::Status Read(const std::string& yaml, std::string_view name, const ConfigOptions& options, Message* message) {
  Reader reader(name, options);
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(yaml);
    if (documents.size() > 1) return reader.Refuse(documents[1], {}, "more than one YAML document");
    if (documents.empty() || documents[0].IsNull()) return absl::OkStatus();
    return reader.ReadMessage(documents[0], {}, 0, message);
  } catch (const YAML::Exception& error) {
    return reader.RefuseAt(error.mark, {}, error.msg);
  }
}

}  // namespace

absl::Status ParseConfig(const std::string& yaml, std::string_view name, const ConfigOptions& options,
                         Message* message) {
  if (yaml.size() > options.file_bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat(ToAbsl(name), ": larger than ", options.file_bytes_max, " bytes"));
  }
  if (absl::Status status = CheckBounds(options, *message->GetDescriptor()); !status.ok()) return status;
  const std::unique_ptr<Message> read(message->New());
  if (absl::Status status = Read(yaml, name, options, read.get()); !status.ok()) return status;
  message->CopyFrom(*read);
  return absl::OkStatus();
}

absl::Status LoadConfig(const std::string& path, const ConfigOptions& options, Message* message) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  std::string yaml(options.file_bytes_max + 1, '\0');
  file.read(yaml.data(), static_cast<std::streamsize>(yaml.size()));
  if (file.bad()) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  yaml.resize(static_cast<size_t>(file.gcount()));
  return ParseConfig(yaml, path, options, message);
}

}  // namespace stratus::core
