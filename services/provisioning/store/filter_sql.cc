#include "services/provisioning/store/filter_sql.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/filter.h"
#include "services/provisioning/store/row_codec.h"

namespace stratus::provisioning::store {
namespace {

using domain::FilterError;
using domain::FilterNode;
using Comparator = FilterNode::Comparator;

enum class Type { kModule, kEnum, kBool, kText, kTime, kLabels };

struct Field {
  std::string_view name;
  Type type;
  std::string_view column;
  const google::protobuf::EnumDescriptor* values = nullptr;
  std::string_view prefix = {};  // of the enum's names, which a filter may leave out
};

std::string_view Operator(Comparator comparator) {
  switch (comparator) {
    case Comparator::kNotEqual: return "<>";
    case Comparator::kLess: return "<";
    case Comparator::kLessOrEqual: return "<=";
    case Comparator::kGreater: return ">";
    case Comparator::kGreaterOrEqual: return ">=";
    case Comparator::kEqual:
    case Comparator::kHas: break;
  }
  return "=";
}

// Of a comparison with `labels`: `labels.env = "x"`, `labels.env:x`; `labels.env:*` and `labels:env` ask whether it is
// there. A stack without the label is unequal to every value.
RequiredLabel LabelOf(const FilterNode& node) {
  if (node.path.size() == 1) return {node.value, std::nullopt};
  const bool any = node.comparator == Comparator::kHas && node.value == "*" && !node.quoted;
  return {node.path[1], any ? std::nullopt : std::optional<std::string>(node.value)};
}

// The labels that a valid filter requires whatever else it asks.
std::vector<RequiredLabel> RequiredLabels(const FilterNode& root) {
  std::vector<RequiredLabel> required;
  const auto add = [&](const FilterNode& node) {
    if (node.kind == FilterNode::Kind::kCompare && node.path[0] == "labels" &&
        node.comparator != Comparator::kNotEqual) {
      required.push_back(LabelOf(node));
    }
  };
  add(root);
  if (root.kind == FilterNode::Kind::kAnd) {
    for (const FilterNode& operand : root.operands) add(operand);
  }
  return required;
}

class Compiler {
 public:
  Compiler(const std::vector<Field>& fields, SqlBuilder* builder) : fields_(fields), builder_(*builder) {}

  absl::StatusOr<std::string> Compile(const FilterNode& node) {
    if (node.kind == FilterNode::Kind::kCompare) return Compare(node);
    std::vector<std::string> parts;
    for (const FilterNode& operand : node.operands) {
      absl::StatusOr<std::string> part = Compile(operand);
      if (!part.ok()) return part;
      parts.push_back(*std::move(part));
    }
    if (node.kind == FilterNode::Kind::kNot) return absl::StrCat("NOT ", parts[0]);
    return absl::StrCat("(", absl::StrJoin(parts, node.kind == FilterNode::Kind::kAnd ? " AND " : " OR "), ")");
  }

 private:
  absl::StatusOr<std::string> Compare(const FilterNode& node) {
    absl::StatusOr<const Field*> field = Find(node);
    if (!field.ok()) return field.status();
    if ((*field)->type == Type::kLabels) return CompareLabel(node);
    if (node.path.size() != 1) return FilterError(node.offset, absl::StrCat("`", node.path[0], "` has no fields"));
    if (node.comparator == Comparator::kHas) return FilterError(node.offset, "`:` is for labels; use `=`");
    const bool ordered = node.comparator != Comparator::kEqual && node.comparator != Comparator::kNotEqual;
    if (ordered && (*field)->type != Type::kTime) {
      return FilterError(node.offset, absl::StrCat("`", node.path[0], "` has no order: use = or !="));
    }
    absl::StatusOr<std::string> value = Value(**field, node);
    if (!value.ok()) return value;
    return absl::StrCat("(", core::ToAbsl((*field)->column), " ", core::ToAbsl(Operator(node.comparator)), " ", *value,
                        ")");
  }

  absl::StatusOr<const Field*> Find(const FilterNode& node) const {
    std::vector<std::string_view> names;
    for (const Field& field : fields_) {
      if (field.name == node.path[0]) return &field;
      names.push_back(field.name);
    }
    const std::string expected = absl::StrJoin(names, ", ", [](std::string* out, std::string_view name) {
      out->append(name).append(name == "labels" ? ".KEY" : "");
    });
    return FilterError(node.offset, absl::StrCat("unknown field; there are ", expected));
  }

  // The placeholder of the comparison's value.
  absl::StatusOr<std::string> Value(const Field& field, const FilterNode& node) {
    switch (field.type) {
      case Type::kModule:
        return builder_.Add(absl::StartsWith(node.value, "modules/") ? node.value
                                                                     : absl::StrCat("modules/", node.value));
      case Type::kEnum: return EnumValue(field, node);
      case Type::kText: return builder_.Add(node.value);
      case Type::kBool:
        if (node.value == "true" || node.value == "false") return builder_.Add(int64_t{node.value == "true"});
        return FilterError(node.value_offset, "true or false is expected");
      default: break;
    }
    absl::Time time;
    std::string ignored;
    if (!absl::ParseTime(absl::RFC3339_full, node.value, &time, &ignored)) {
      return FilterError(node.value_offset, "a time is expected: \"2026-01-02T03:04:05Z\"");
    }
    return builder_.Add(ToMicros(time));
  }

  absl::StatusOr<std::string> EnumValue(const Field& field, const FilterNode& node) {
    const google::protobuf::EnumValueDescriptor* value = field.values->FindValueByName(node.value);
    if (value == nullptr) value = field.values->FindValueByName(absl::StrCat(core::ToAbsl(field.prefix), node.value));
    if (value != nullptr && value->number() != 0) return builder_.Add(int64_t{value->number()});
    std::vector<std::string> names;
    for (int i = 1; i < field.values->value_count(); ++i) {
      names.push_back(field.values->value(i)->name().substr(field.prefix.size()));
    }
    return FilterError(node.value_offset, absl::StrCat("one of ", absl::StrJoin(names, ", "), " is expected"));
  }

  absl::StatusOr<std::string> CompareLabel(const FilterNode& node) {
    const bool has = node.comparator == Comparator::kHas;
    if (node.path.size() != 2 && !(node.path.size() == 1 && has)) {
      return FilterError(node.offset, "`labels.KEY` is expected");
    }
    if (!has && node.comparator != Comparator::kEqual && node.comparator != Comparator::kNotEqual) {
      return FilterError(node.offset, "labels have no order: use =, != or `:`");
    }
    const RequiredLabel label = LabelOf(node);
    std::string condition = absl::StrCat(
        "(", node.comparator == Comparator::kNotEqual ? "NOT " : "",
        "EXISTS (SELECT 1 FROM labels l WHERE l.stack_uid = s.uid AND l.name = ", builder_.Add(label.name));
    if (label.value.has_value()) absl::StrAppend(&condition, " AND l.value = ", builder_.Add(*label.value));
    return absl::StrCat(condition, "))");
  }

  const std::vector<Field>& fields_;
  SqlBuilder& builder_;
};

bool IsBlank(std::string_view filter) { return absl::StripAsciiWhitespace(core::ToAbsl(filter)).empty(); }

}  // namespace

std::string SqlBuilder::Add(int64_t value) {
  values_.emplace_back(value);
  return absl::StrCat("$", values_.size());
}

std::string SqlBuilder::Add(std::string value) {
  values_.emplace_back(std::move(value));
  return absl::StrCat("$", values_.size());
}

std::vector<Param> SqlBuilder::params() const {
  std::vector<Param> params;
  params.reserve(values_.size());
  for (const auto& value : values_) std::visit([&](const auto& held) { params.emplace_back(held); }, value);
  return params;
}

absl::StatusOr<StackFilter> CompileStackFilter(std::string_view filter, SqlBuilder* builder) {
  static const std::vector<Field> fields = {{.name = "module", .type = Type::kModule, .column = "s.module"},
                                            {.name = "state",
                                             .type = Type::kEnum,
                                             .column = "s.state",
                                             .values = v1::Stack::State_descriptor(),
                                             .prefix = "STATE_"},
                                            {.name = "labels", .type = Type::kLabels, .column = ""},
                                            {.name = "protected", .type = Type::kBool, .column = "s.protected"},
                                            {.name = "create_time", .type = Type::kTime, .column = "s.create_time"},
                                            {.name = "update_time", .type = Type::kTime, .column = "s.update_time"}};
  if (IsBlank(filter)) return StackFilter();
  absl::StatusOr<FilterNode> root = domain::ParseFilter(filter);
  if (!root.ok()) return root.status();
  absl::StatusOr<std::string> condition = Compiler(fields, builder).Compile(*root);
  if (!condition.ok()) return condition.status();
  return StackFilter{*std::move(condition), RequiredLabels(*root)};
}

absl::StatusOr<std::string> CompileRunFilter(std::string_view filter, SqlBuilder* builder) {
  static const std::vector<Field> fields = {{.name = "status",
                                             .type = Type::kEnum,
                                             .column = "r.status",
                                             .values = v1::RunStatus_descriptor(),
                                             .prefix = "RUN_STATUS_"},
                                            {.name = "kind",
                                             .type = Type::kEnum,
                                             .column = "r.kind",
                                             .values = v1::RunKind_descriptor(),
                                             .prefix = "RUN_KIND_"},
                                            {.name = "create_time", .type = Type::kTime, .column = "r.create_time"}};
  if (IsBlank(filter)) return std::string();
  absl::StatusOr<FilterNode> root = domain::ParseFilter(filter);
  if (!root.ok()) return root.status();
  return Compiler(fields, builder).Compile(*root);
}

absl::StatusOr<std::string> CompileAuditFilter(std::string_view filter, SqlBuilder* builder) {
  static const std::vector<Field> fields = {{.name = "time", .type = Type::kTime, .column = "a.time"},
                                            {.name = "principal", .type = Type::kText, .column = "a.principal"},
                                            {.name = "method", .type = Type::kText, .column = "a.method"},
                                            {.name = "resource", .type = Type::kText, .column = "a.resource"},
                                            {.name = "code", .type = Type::kText, .column = "a.code"}};
  if (IsBlank(filter)) return std::string();
  absl::StatusOr<FilterNode> root = domain::ParseFilter(filter);
  if (!root.ok()) return root.status();
  return Compiler(fields, builder).Compile(*root);
}

}  // namespace stratus::provisioning::store
