#include <algorithm>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gateway/transcode/tables.h"
#include "gateway/transcode/transcode.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {

namespace pb = google::protobuf;

namespace {

// Field numbers up to here are looked up directly, if the table does not become mostly air.
constexpr uint32_t kDenseNumberMax = 4096;
constexpr int kFieldsMax = 32'000;

Kind KindOf(const pb::FieldDescriptor& field) {
  switch (field.type()) {
    case pb::FieldDescriptor::TYPE_DOUBLE: return Kind::kDouble;
    case pb::FieldDescriptor::TYPE_FLOAT: return Kind::kFloat;
    case pb::FieldDescriptor::TYPE_INT64: return Kind::kInt64;
    case pb::FieldDescriptor::TYPE_UINT64: return Kind::kUint64;
    case pb::FieldDescriptor::TYPE_INT32: return Kind::kInt32;
    case pb::FieldDescriptor::TYPE_FIXED64: return Kind::kFixed64;
    case pb::FieldDescriptor::TYPE_FIXED32: return Kind::kFixed32;
    case pb::FieldDescriptor::TYPE_BOOL: return Kind::kBool;
    case pb::FieldDescriptor::TYPE_STRING: return Kind::kString;
    case pb::FieldDescriptor::TYPE_GROUP: return Kind::kGroup;
    case pb::FieldDescriptor::TYPE_MESSAGE: return Kind::kMessage;
    case pb::FieldDescriptor::TYPE_BYTES: return Kind::kBytes;
    case pb::FieldDescriptor::TYPE_UINT32: return Kind::kUint32;
    case pb::FieldDescriptor::TYPE_ENUM: return Kind::kEnum;
    case pb::FieldDescriptor::TYPE_SFIXED32: return Kind::kSfixed32;
    case pb::FieldDescriptor::TYPE_SFIXED64: return Kind::kSfixed64;
    case pb::FieldDescriptor::TYPE_SINT32: return Kind::kSint32;
    case pb::FieldDescriptor::TYPE_SINT64: return Kind::kSint64;
  }
  return Kind::kInt32;
}

uint8_t WireTypeOf(Kind kind) {
  switch (kind) {
    case Kind::kDouble:
    case Kind::kFixed64:
    case Kind::kSfixed64: return kFixed64;
    case Kind::kFloat:
    case Kind::kFixed32:
    case Kind::kSfixed32: return kFixed32;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kMessage: return kLength;
    case Kind::kGroup: return kStartGroup;
    default: return kVarint;
  }
}

// The types with JSON of their own, with the kinds of their fields 1, 2, ...: a file that calls something else by such
// a name is taken as an ordinary message.
struct WellKnownType {
  std::string_view name;
  WellKnown well_known;
  std::initializer_list<Kind> kinds;
  bool repeated = false;
};

WellKnown WellKnownOf(const pb::Descriptor& message) {
  static const WellKnownType kTypes[] = {
      {"google.protobuf.Timestamp", WellKnown::kTimestamp, {Kind::kInt64, Kind::kInt32}},
      {"google.protobuf.Duration", WellKnown::kDuration, {Kind::kInt64, Kind::kInt32}},
      {"google.protobuf.FieldMask", WellKnown::kFieldMask, {Kind::kString}, true},
      {"google.protobuf.Struct", WellKnown::kStruct, {Kind::kMessage}, true},
      {"google.protobuf.Value",
       WellKnown::kValue,
       {Kind::kEnum, Kind::kDouble, Kind::kString, Kind::kBool, Kind::kMessage, Kind::kMessage}},
      {"google.protobuf.ListValue", WellKnown::kListValue, {Kind::kMessage}, true},
      {"google.protobuf.Any", WellKnown::kAny, {Kind::kString, Kind::kBytes}},
      {"google.protobuf.DoubleValue", WellKnown::kWrapper, {Kind::kDouble}},
      {"google.protobuf.FloatValue", WellKnown::kWrapper, {Kind::kFloat}},
      {"google.protobuf.Int64Value", WellKnown::kWrapper, {Kind::kInt64}},
      {"google.protobuf.UInt64Value", WellKnown::kWrapper, {Kind::kUint64}},
      {"google.protobuf.Int32Value", WellKnown::kWrapper, {Kind::kInt32}},
      {"google.protobuf.UInt32Value", WellKnown::kWrapper, {Kind::kUint32}},
      {"google.protobuf.BoolValue", WellKnown::kWrapper, {Kind::kBool}},
      {"google.protobuf.StringValue", WellKnown::kWrapper, {Kind::kString}},
      {"google.protobuf.BytesValue", WellKnown::kWrapper, {Kind::kBytes}},
  };
  for (const WellKnownType& type : kTypes) {
    if (type.name != message.full_name()) continue;
    if (message.field_count() != static_cast<int>(type.kinds.size())) return WellKnown::kNone;
    int number = 0;
    for (const Kind kind : type.kinds) {
      const pb::FieldDescriptor* field = message.FindFieldByNumber(++number);
      if (field == nullptr || KindOf(*field) != kind || field->is_repeated() != type.repeated) return WellKnown::kNone;
    }
    const bool is_map = message.field(0)->is_map();
    return is_map == (type.well_known == WellKnown::kStruct) ? type.well_known : WellKnown::kNone;
  }
  return WellKnown::kNone;
}

// JSON text of a name that may hold anything a descriptor allows (a json_name option is free text).
std::string QuotedName(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      quoted += "\\u00";
      quoted += kHex[c >> 4];
      quoted += kHex[c & 15];
    } else {
      quoted += c;
    }
  }
  return quoted += '"';
}

}  // namespace

const Text* EnumTable::SparseName(int32_t number) const {
  const auto at = std::lower_bound(sparse.begin(), sparse.end(), number,
                                   [](const auto& entry, int32_t wanted) { return entry.first < wanted; });
  return at != sparse.end() && at->first == number ? &at->second : nullptr;
}

const FieldTable* MessageTable::SparseField(uint32_t number) const {
  const auto at = std::lower_bound(fields.begin(), fields.end(), number,
                                   [](const FieldTable& field, uint32_t wanted) { return field.number < wanted; });
  return at != fields.end() && at->number == number ? &*at : nullptr;
}

struct Schema::Impl final : TypeResolver {
  const MessageTable* Find(std::string_view full_name) const override {
    const auto at = by_name.find(core::ToAbsl(full_name));
    return at == by_name.end() ? nullptr : at->second;
  }

  Text Keep(std::string_view text) {
    const size_t padded = (text.size() / kTextBlock + 1) * kTextBlock;
    auto block = std::make_unique<char[]>(padded);
    std::memcpy(block.get(), text.data(), text.size());
    texts.push_back(std::move(block));
    return {texts.back().get(), static_cast<uint32_t>(text.size())};
  }

  std::vector<std::unique_ptr<char[]>> texts;
  std::deque<MessageTable> messages;
  std::deque<EnumTable> enums;
  absl::flat_hash_map<std::string, MessageTable*> by_name;
};

namespace {

class Compiler {
 public:
  Compiler(const pb::DescriptorPool& pool, Schema::Impl* schema) : pool_(pool), schema_(schema) {}

  absl::Status AddFile(const pb::FileDescriptor& file) {
    if (!files_.insert(&file).second) return absl::OkStatus();
    for (int i = 0; i < file.dependency_count(); ++i) {
      if (absl::Status status = AddFile(*file.dependency(i)); !status.ok()) return status;
    }
    for (int i = 0; i < file.message_type_count(); ++i) Declare(*file.message_type(i));
    return absl::OkStatus();
  }

  // Second step, when every message has its place.
  absl::Status Fill() {
    for (const auto& [descriptor, table] : messages_) {
      if (absl::Status status = FillMessage(*descriptor, table); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  void Declare(const pb::Descriptor& message) {
    MessageTable& table = schema_->messages.emplace_back();
    table.full_name = message.full_name();
    table.types = schema_;
    table.well_known = WellKnownOf(message);
    table.empty_type = message.full_name() == "google.protobuf.Empty";
    schema_->by_name.emplace(message.full_name(), &table);
    messages_.emplace_back(&message, &table);
    by_descriptor_.emplace(&message, &table);
    for (int i = 0; i < message.nested_type_count(); ++i) Declare(*message.nested_type(i));
  }

  absl::Status FillMessage(const pb::Descriptor& message, MessageTable* table) {
    std::vector<const pb::FieldDescriptor*> fields;
    for (int i = 0; i < message.field_count(); ++i) fields.push_back(message.field(i));
    if (message.extension_range_count() > 0) AddExtensions(message, &fields);
    if (fields.size() > kFieldsMax) {
      return absl::ResourceExhaustedError(absl::StrCat(message.full_name(), " has more than ", kFieldsMax, " fields"));
    }
    std::sort(fields.begin(), fields.end(), [](auto* a, auto* b) { return a->number() < b->number(); });
    table->fields.resize(fields.size());
    table->oneof_count = static_cast<uint16_t>(message.real_oneof_decl_count());
    for (int i = 0; i < message.real_oneof_decl_count(); ++i) table->oneofs.push_back(message.oneof_decl(i)->name());
    table->simple = fields.size() <= kSlotsPerWord && table->oneof_count <= kSlotsPerWord;
    for (size_t slot = 0; slot < fields.size(); ++slot) {
      FieldTable& field = table->fields[slot];
      field.slot = static_cast<uint16_t>(slot);
      FillField(*fields[slot], &field);
      if (field.no_presence && table->simple) table->no_presence |= SlotSet{1} << slot;
    }
    IndexFields(table);
    return absl::OkStatus();
  }

  // Extensions from files that were not asked for stay unknown.
  void AddExtensions(const pb::Descriptor& message, std::vector<const pb::FieldDescriptor*>* fields) const {
    std::vector<const pb::FieldDescriptor*> extensions;
    pool_.FindAllExtensions(&message, &extensions);
    for (const pb::FieldDescriptor* extension : extensions) {
      if (files_.contains(extension->file())) fields->push_back(extension);
    }
  }

  void IndexFields(MessageTable* table) {
    uint32_t dense_end = 0;
    for (size_t slot = 0; slot < table->fields.size(); ++slot) {
      const uint32_t number = table->fields[slot].number;
      if (number < kDenseNumberMax && number < 64 + 8 * (slot + 1)) dense_end = number + 1;
    }
    table->dense.assign(dense_end, 0);
    for (FieldTable& field : table->fields) {
      if (field.number < dense_end) table->dense[field.number] = static_cast<uint16_t>(field.slot + 1);
      table->names.Add(field.json_name, field.slot);
    }
    // A proto name never hides another field's JSON name.
    for (FieldTable& field : table->fields) table->names.Add(field.proto_name, field.slot);
  }

  void FillField(const pb::FieldDescriptor& from, FieldTable* field) {
    field->kind = KindOf(from);
    field->number = static_cast<uint32_t>(from.number());
    field->wire_type = WireTypeOf(field->kind);
    field->shape = from.is_map() ? Shape::kMap : from.is_repeated() ? Shape::kRepeated : Shape::kSingular;
    // An absent extension is never shown.
    field->no_presence = !from.is_extension() && (from.is_repeated() || !from.has_presence());
    field->skips_zero = field->no_presence && !from.is_repeated() && !from.containing_type()->options().map_entry();
    field->packable = from.is_repeated() && field->wire_type != kLength && field->wire_type != kStartGroup;
    field->packed = from.is_packed();
    if (from.real_containing_oneof() != nullptr) {
      field->oneof = static_cast<int16_t>(from.real_containing_oneof()->index());
    }
    if (from.message_type() != nullptr) field->message = by_descriptor_.at(from.message_type());
    if (from.enum_type() != nullptr) field->enumeration = EnumOf(*from.enum_type());
    field->json_name = from.is_extension() ? absl::StrCat("[", from.full_name(), "]") : from.json_name();
    field->proto_name = from.is_extension() ? field->json_name : from.name();
    field->key[0] = schema_->Keep(absl::StrCat(",", QuotedName(field->json_name), ":"));
    field->key[1] = schema_->Keep(absl::StrCat(",", QuotedName(field->proto_name), ":"));
    field->match = schema_->Keep(QuotedName(field->json_name).substr(1));
    field->absent = schema_->Keep(DefaultText(*field));
    char tag[kVarintSizeMax] = {};
    const uint32_t written_type = field->packed ? static_cast<uint32_t>(kLength) : field->wire_type;
    field->tag_size = static_cast<uint8_t>(WriteVarint(tag, field->number << 3 | written_type) - tag);
    std::memcpy(&field->tag_bytes, tag, sizeof field->tag_bytes);
  }

  static std::string DefaultText(const FieldTable& field) {
    if (field.shape == Shape::kRepeated) return "[]";
    if (field.shape == Shape::kMap) return "{}";
    switch (field.kind) {
      case Kind::kInt64:
      case Kind::kUint64:
      case Kind::kSint64:
      case Kind::kFixed64:
      case Kind::kSfixed64: return "\"0\"";
      case Kind::kBool: return "false";
      case Kind::kString:
      case Kind::kBytes: return "\"\"";
      case Kind::kMessage:
      case Kind::kGroup: return "null";
      case Kind::kEnum: {
        if (field.enumeration->null_value) return "null";
        const Text* name = field.enumeration->Name(0);
        return name != nullptr ? std::string(name->view()) : "0";
      }
      default: return "0";
    }
  }

  const EnumTable* EnumOf(const pb::EnumDescriptor& from) {
    const auto [at, added] = enums_.try_emplace(&from, nullptr);
    if (!added) return at->second;
    EnumTable& table = schema_->enums.emplace_back();
    at->second = &table;
    table.full_name = from.full_name();
    table.closed = from.file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO2;
    table.null_value = from.full_name() == "google.protobuf.NullValue";
    table.first_number = from.value(0)->number();
    int32_t low = table.first_number;
    for (int i = 0; i < from.value_count(); ++i) {
      low = std::min(low, from.value(i)->number());
      table.names.Add(from.value(i)->name(), static_cast<uint32_t>(i));
      table.numbers.push_back(from.value(i)->number());
    }
    table.dense_base = low;
    const int64_t dense_size = 64 + 4 * static_cast<int64_t>(from.value_count());
    for (int i = 0; i < from.value_count(); ++i) {
      const int32_t number = from.value(i)->number();
      // Of aliases, the first one declared is printed.
      if (table.Name(number) != nullptr) continue;
      const Text name = schema_->Keep(QuotedName(from.value(i)->name()));
      const int64_t offset = static_cast<int64_t>(number) - low;
      if (offset < dense_size) {
        if (static_cast<size_t>(offset) >= table.dense.size()) table.dense.resize(static_cast<size_t>(offset) + 1);
        table.dense[static_cast<size_t>(offset)] = name;
      } else {
        table.sparse.emplace(std::lower_bound(table.sparse.begin(), table.sparse.end(), number,
                                              [](const auto& entry, int32_t wanted) { return entry.first < wanted; }),
                             number, name);
      }
    }
    return &table;
  }

  const pb::DescriptorPool& pool_;
  Schema::Impl* schema_;
  absl::flat_hash_set<const pb::FileDescriptor*> files_;
  std::vector<std::pair<const pb::Descriptor*, MessageTable*>> messages_;
  absl::flat_hash_map<const pb::Descriptor*, MessageTable*> by_descriptor_;
  absl::flat_hash_map<const pb::EnumDescriptor*, EnumTable*> enums_;
};

}  // namespace

Schema::Schema(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Schema::~Schema() = default;

const MessageTable* Schema::Find(std::string_view full_name) const { return impl_->Find(full_name); }

absl::StatusOr<std::shared_ptr<const Schema>> Schema::Compile(const pb::DescriptorPool& pool,
                                                              absl::Span<const std::string> files) {
  auto impl = std::make_unique<Impl>();
  Compiler compiler(pool, impl.get());
  for (const std::string& name : files) {
    const pb::FileDescriptor* file = pool.FindFileByName(name);
    if (file == nullptr) return absl::NotFoundError(absl::StrCat("the descriptors hold no file ", name));
    if (absl::Status status = compiler.AddFile(*file); !status.ok()) return status;
  }
  if (absl::Status status = compiler.Fill(); !status.ok()) return status;
  return std::shared_ptr<const Schema>(new Schema(std::move(impl)));
}

}  // namespace stratus::gateway::transcode
