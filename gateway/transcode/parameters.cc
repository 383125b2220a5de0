// Path variables and query parameters to wire format. Each value is written by itself, inside the messages that its
// path names: parts of one message merge when they are read, so nothing has to be gathered by message first.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "gateway/transcode/parameter_value.h"
#include "gateway/transcode/percent.h"
#include "gateway/transcode/tables.h"
#include "gateway/transcode/transcode.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {
namespace {

using Fields = absl::InlinedVector<const FieldTable*, 8>;

std::string DottedName(absl::Span<const FieldTable* const> fields) {
  std::string name;
  for (const FieldTable* field : fields) absl::StrAppend(&name, name.empty() ? "" : ".", field->proto_name);
  return name;
}

// Which fields were given, as a tree: to refuse a second value, or a second member of a oneof, at any depth.
class GivenFields {
 public:
  void Clear() {
    nodes_.resize(1);
    nodes_[0] = {};
    map_keys_.clear();
  }

  // Null, or why the field must not be given (again).
  Reason Add(absl::Span<const FieldTable* const> path) {
    uint32_t at = 0;
    for (const FieldTable* field : path) {
      Reason reason = nullptr;
      if (nodes_[at].given) return "given twice";  // a well-known type as a whole
      at = Child(at, field, &reason);
      if (reason != nullptr) return reason;
    }
    Node& leaf = nodes_[at];
    const bool before = leaf.given || leaf.first_child != 0;
    if (before && leaf.field->shape == Shape::kSingular) return "given twice";
    leaf.given = true;
    return nullptr;
  }

  bool Has(const FieldTable& field) const {
    for (uint32_t at = nodes_[0].first_child; at != 0; at = nodes_[at].next) {
      if (nodes_[at].field == &field) return true;
    }
    return false;
  }

  Reason AddMapKey(absl::Span<const FieldTable* const> path, std::string_view key) {
    if (const Reason reason = Add(path); reason != nullptr) return reason;
    return map_keys_.emplace(absl::StrCat(DottedName(path), "[", core::ToAbsl(key))).second ? nullptr : "given twice";
  }

 private:
  struct Node {
    const FieldTable* field = nullptr;
    uint32_t first_child = 0;  // 0: none, for node 0 is the root
    uint32_t next = 0;
    bool given = false;
  };

  // At most as many siblings as a message has fields.
  uint32_t Child(uint32_t parent, const FieldTable* field, Reason* reason) {
    for (uint32_t at = nodes_[parent].first_child; at != 0; at = nodes_[at].next) {
      if (nodes_[at].field == field) return at;
      if (field->oneof >= 0 && nodes_[at].field->oneof == field->oneof) {
        *reason = "another member of the same oneof is given too";
        return 0;
      }
    }
    const auto added = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back({field, 0, nodes_[parent].first_child, false});
    nodes_[parent].first_child = added;
    return added;
  }

  std::vector<Node> nodes_ = std::vector<Node>(1);
  absl::flat_hash_set<std::string> map_keys_;
};

bool IsPrefix(const FieldPath& prefix, absl::Span<const FieldTable* const> path) {
  return prefix.fields.size() <= path.size() && std::equal(prefix.fields.begin(), prefix.fields.end(), path.begin());
}

}  // namespace

struct ParameterWriter::Impl {
  explicit Impl(const MessageTable& table) : message(table) {}

  absl::Status AddPair(std::string_view pair, absl::Span<const FieldPath> consumed, const InputOptions& options);
  // Null, or why the name stands for no field; *unknown when nothing by this name exists.
  Reason Resolve(std::string_view dotted, int depth_max, Fields* fields, bool* unknown) const;
  // Writes the messages around `leaf`, the wire format of the last field.
  void Wrap(absl::Span<const FieldTable* const> parents);

  const MessageTable& message;
  GivenFields given;
  Buffer wire;
  Buffer leaf;
  std::string name;
  std::string value;
};

ParameterWriter::ParameterWriter(const MessageTable& message) : impl_(std::make_unique<Impl>(message)) {}
ParameterWriter::~ParameterWriter() = default;

void ParameterWriter::Impl::Wrap(absl::Span<const FieldTable* const> parents) {
  // Each message's length counts what lies inside it, so lengths are known from the innermost outwards.
  absl::InlinedVector<size_t, 8> lengths(parents.size());
  size_t inner = leaf.size();
  for (size_t i = parents.size(); i-- > 0;) {
    lengths[i] = inner;
    inner += static_cast<size_t>(parents[i]->tag_size) + static_cast<size_t>(VarintSize(inner));
  }
  char* at = wire.Reserve(inner);
  for (size_t i = 0; i < parents.size(); ++i) at = WriteVarint(WriteTag(*parents[i], at), lengths[i]);
  std::memcpy(at, leaf.data(), leaf.size());
  wire.SetEnd(at + leaf.size());
}

Reason ParameterWriter::Impl::Resolve(std::string_view dotted, int depth_max, Fields* fields, bool* unknown) const {
  const MessageTable* within = &message;
  for (;;) {
    const size_t dot = dotted.find('.');
    const FieldTable* const field = within->ByName(dotted.substr(0, dot));
    *unknown = field == nullptr;
    if (field == nullptr) return "no such field";
    fields->push_back(field);
    if (dot == std::string_view::npos) return nullptr;
    if (fields->size() >= static_cast<size_t>(depth_max)) return "nested too deeply";
    if (field->is_message() && field->shape == Shape::kRepeated) {
      return "a repeated message cannot be a parameter: it belongs into a body";
    }
    if (field->kind != Kind::kMessage || field->shape != Shape::kSingular) {
      *unknown = true;
      return "no such field";
    }
    within = field->message;
    dotted = dotted.substr(dot + 1);
  }
}

absl::Status ParameterWriter::Impl::AddPair(std::string_view pair, absl::Span<const FieldPath> consumed,
                                            const InputOptions& options) {
  const size_t equals = pair.find('=');
  const std::string_view raw_value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  if (!DecodeQueryText(pair.substr(0, equals), &name)) {
    return core::InvalidField(pair.substr(0, equals), "a % is not followed by two hexadecimal digits");
  }
  if (!DecodeQueryText(raw_value, &value)) {
    return core::InvalidField(name, "a % is not followed by two hexadecimal digits");
  }
  const size_t bracket = name.find('[');
  const bool map_entry = bracket != std::string::npos && name.back() == ']';
  const std::string_view dotted = map_entry ? std::string_view(name).substr(0, bracket) : std::string_view(name);

  Fields fields;
  bool unknown = false;
  if (const Reason reason = Resolve(dotted, options.depth_max, &fields, &unknown); reason != nullptr) {
    if (unknown && options.ignore_unknown_fields) return absl::OkStatus();
    return core::InvalidField(name, unknown
                                        ? absl::StrCat("no such parameter: ", message.full_name, " has no such field")
                                        : std::string(reason));
  }
  for (const FieldPath& path : consumed) {
    if (IsPrefix(path, fields)) return core::InvalidField(name, "given by the path or the body already");
  }
  leaf.Clear();
  Reason reason;
  if (map_entry) {
    const std::string_view key = std::string_view(name).substr(bracket + 1, name.size() - bracket - 2);
    reason = AppendMapParameter(*fields.back(), key, value, &leaf);
    if (reason == nullptr) reason = given.AddMapKey(fields, key);
  } else {
    reason = AppendParameter(*fields.back(), value, &leaf);
    if (reason == nullptr) reason = given.Add(fields);
  }
  if (reason != nullptr) return core::InvalidField(name, reason);
  Wrap(absl::MakeConstSpan(fields).first(fields.size() - 1));
  return absl::OkStatus();
}

absl::Status ParameterWriter::AddPathValue(const FieldPath& path, std::string_view value) {
  const absl::Span<const FieldTable* const> fields(path.fields);
  impl_->leaf.Clear();
  Reason reason = AppendParameter(*fields.back(), value, &impl_->leaf);
  if (reason == nullptr) reason = impl_->given.Add(fields);
  if (reason != nullptr) return core::InvalidField(DottedName(fields), reason);
  impl_->Wrap(fields.first(fields.size() - 1));
  return absl::OkStatus();
}

absl::Status ParameterWriter::AddQuery(std::string_view query, absl::Span<const FieldPath> consumed,
                                       const InputOptions& options) {
  while (!query.empty()) {
    const size_t ampersand = query.find('&');
    const std::string_view pair = query.substr(0, ampersand);
    query = ampersand == std::string_view::npos ? std::string_view() : query.substr(ampersand + 1);
    if (pair.empty()) continue;
    if (absl::Status status = impl_->AddPair(pair, consumed, options); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool ParameterWriter::Given(const FieldTable& field) const { return impl_->given.Has(field); }

absl::Status ParameterWriter::Flush(Buffer* out) {
  out->Append(impl_->wire.view());
  impl_->wire.Clear();
  impl_->given.Clear();
  return absl::OkStatus();
}

}  // namespace stratus::gateway::transcode
