#include "gateway/config_file.h"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"

namespace stratus::gateway {
namespace {

namespace pb = google::protobuf;

class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  absl::Status ReadMessage(const YAML::Node& node, const std::string& path, pb::Message* message) const {
    if (node.IsNull()) return absl::OkStatus();
    if (message->GetDescriptor()->full_name() == "google.protobuf.Duration") return ReadDuration(node, path, message);
    if (!node.IsMap()) return Wrong(node, path, "must be a map of keys");
    for (const auto& entry : node) {
      const std::string key = entry.first.as<std::string>();
      const std::string below = path.empty() ? key : absl::StrCat(path, ".", key);
      const pb::FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(key);
      if (field == nullptr) return Wrong(entry.first, below, "there is no such key");
      if (absl::Status status = ReadField(entry.second, below, *field, message); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Wrong(const YAML::Node& node, const std::string& path, const std::string& reason) const {
    return absl::InvalidArgumentError(
        absl::StrCat(name_, ":", node.Mark().line + 1, ": ", path.empty() ? "the file" : path, ": ", reason));
  }

  absl::Status ReadField(const YAML::Node& node, const std::string& path, const pb::FieldDescriptor& field,
                         pb::Message* message) const {
    if (!field.is_repeated()) return ReadValue(node, path, field, message);
    if (!node.IsSequence()) return Wrong(node, path, "must be a list");
    for (size_t i = 0; i < node.size(); ++i) {
      absl::Status status = ReadValue(node[i], absl::StrCat(path, "[", i, "]"), field, message);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadValue(const YAML::Node& node, const std::string& path, const pb::FieldDescriptor& field,
                         pb::Message* message) const {
    const pb::Reflection& reflection = *message->GetReflection();
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
      return ReadMessage(
          node, path,
          field.is_repeated() ? reflection.AddMessage(message, &field) : reflection.MutableMessage(message, &field));
    }
    if (!node.IsScalar()) return Wrong(node, path, "must be a single value");
    const std::string& text = node.Scalar();
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_STRING:
        if (field.is_repeated()) {
          reflection.AddString(message, &field, text);
        } else {
          reflection.SetString(message, &field, text);
        }
        return absl::OkStatus();
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        if (text != "true" && text != "false") return Wrong(node, path, "must be true or false");
        reflection.SetBool(message, &field, text == "true");
        return absl::OkStatus();
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        return SetNumber<uint32_t>(node, path, [&](uint32_t value) { reflection.SetUInt32(message, &field, value); });
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        return SetNumber<uint64_t>(node, path, [&](uint64_t value) { reflection.SetUInt64(message, &field, value); });
      default: return Wrong(node, path, "this kind of field cannot be configured");
    }
  }

  template <typename Number, typename Set>
  absl::Status SetNumber(const YAML::Node& node, const std::string& path, Set set) const {
    Number value = 0;
    if (!absl::SimpleAtoi(node.Scalar(), &value)) return Wrong(node, path, "must be a whole number, not negative");
    set(value);
    return absl::OkStatus();
  }

  absl::Status ReadDuration(const YAML::Node& node, const std::string& path, pb::Message* message) const {
    absl::Duration duration;
    if (!node.IsScalar() || !absl::ParseDuration(node.Scalar(), &duration) || duration == absl::InfiniteDuration() ||
        duration < absl::ZeroDuration()) {
      return Wrong(node, path, "must be a duration such as 1.5s, 10ms or 5m");
    }
    pb::Duration value;
    value.set_seconds(absl::ToInt64Seconds(duration));
    value.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration - absl::Seconds(value.seconds()))));
    message->CopyFrom(value);
    return absl::OkStatus();
  }

  const std::string& name_;
};

}  // namespace

absl::Status ParseConfig(const std::string& yaml, const std::string& name, pb::Message* message) {
  try {
    return Reader(name).ReadMessage(YAML::Load(yaml), "", message);
  } catch (const YAML::Exception& error) {  // the library reports by exceptions alone
    return absl::InvalidArgumentError(absl::StrCat(name, ":", error.mark.line + 1, ": ", error.msg));
  }
}

absl::Status ReadConfigFile(const std::string& path, pb::Message* message) {
  std::ifstream in(path);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read the configuration ", path));
  std::stringstream text;
  text << in.rdbuf();
  return ParseConfig(text.str(), path, message);
}

}  // namespace stratus::gateway
