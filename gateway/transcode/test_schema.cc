#include "gateway/transcode/test_schema.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/text_format.h"

namespace stratus::gateway::transcode {

namespace pb = google::protobuf;

absl::StatusOr<std::unique_ptr<TestSchema>> TestSchema::Load(const std::string& descriptor_set_path) {
  std::ifstream file(descriptor_set_path, std::ios::binary);
  pb::FileDescriptorSet files;
  if (!file || !files.ParseFromIstream(&file)) {
    return absl::InvalidArgumentError(absl::StrCat(descriptor_set_path, " is not a descriptor set"));
  }
  auto loaded = std::make_unique<TestSchema>();
  std::vector<std::string> names;
  for (const pb::FileDescriptorProto& proto : files.file()) {
    if (loaded->pool_.BuildFile(proto) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("cannot build ", proto.name()));
    }
    names.push_back(proto.name());
  }
  loaded->factory_ = std::make_unique<pb::DynamicMessageFactory>(&loaded->pool_);
  auto schema = Schema::Compile(loaded->pool_, names);
  if (!schema.ok()) return schema.status();
  loaded->schema_ = *std::move(schema);
  return loaded;
}

const MessageTable& TestSchema::Table(std::string_view full_name) const {
  const MessageTable* const table = schema_->Find(full_name);
  if (table == nullptr) {
    std::cerr << "no message " << full_name << "\n";
    std::abort();
  }
  return *table;
}

std::unique_ptr<pb::Message> TestSchema::NewMessage(std::string_view full_name) const {
  const pb::Descriptor* const descriptor = pool_.FindMessageTypeByName(std::string(full_name));
  return std::unique_ptr<pb::Message>(factory_->GetPrototype(descriptor)->New());
}

const TestSchema& GetTestSchema() {
  static const TestSchema* const schema = [] {
    auto loaded = TestSchema::Load(STRATUS_TRANSCODE_TEST_DESCRIPTORS);
    if (!loaded.ok()) {
      std::cerr << loaded.status() << "\n";
      std::abort();
    }
    return loaded->release();
  }();
  return *schema;
}

namespace {

std::string FullName(std::string_view type) {
  return type.find('.') == std::string_view::npos ? "transcode.test." + std::string(type) : std::string(type);
}

std::string ErrorText(const absl::Status& status) { return absl::StrCat("ERROR: ", status.message()); }

}  // namespace

std::string WireFromText(std::string_view type, const std::string& text_format) {
  const auto message = GetTestSchema().NewMessage(FullName(type));
  if (!pb::TextFormat::ParseFromString(text_format, message.get())) return "bad text format";
  std::string wire;
  pb::io::StringOutputStream stream(&wire);
  pb::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message->SerializePartialToCodedStream(&coded);
  coded.Trim();
  return wire;
}

std::string TextFromWire(std::string_view type, std::string_view wire) {
  const auto message = GetTestSchema().NewMessage(FullName(type));
  if (!message->ParsePartialFromString(std::string(wire))) return "bad wire format";
  pb::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetExpandAny(true);
  std::string text;
  printer.PrintToString(*message, &text);
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string JsonFromWire(std::string_view type, std::string_view wire, const OutputOptions& options) {
  Buffer out;
  const absl::Status status = WireToJson(GetTestSchema().Table(FullName(type)), wire, options, &out);
  return status.ok() ? std::string(out.view()) : ErrorText(status);
}

std::string JsonFromText(std::string_view type, const std::string& text_format, const OutputOptions& options) {
  return JsonFromWire(type, WireFromText(type, text_format), options);
}

std::string WireFromJson(std::string_view type, std::string_view json, const InputOptions& options) {
  Buffer out;
  const absl::Status status = JsonToWire(GetTestSchema().Table(FullName(type)), json, options, &out);
  return status.ok() ? std::string(out.view()) : ErrorText(status);
}

std::string TextFromJson(std::string_view type, std::string_view json, const InputOptions& options) {
  std::string wire = WireFromJson(type, json, options);
  return wire.starts_with("ERROR: ") ? wire : TextFromWire(type, wire);
}

OutputOptions OnlySet() {
  OutputOptions options;
  options.always_print_fields_with_no_presence = false;
  return options;
}

}  // namespace stratus::gateway::transcode
