#include "services/provisioning/domain/filter.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/filter_lexer.h"

namespace stratus::provisioning::domain {
namespace {

using Kind = FilterToken::Kind;

FilterNode::Comparator ComparatorOf(std::string_view text) {
  using Comparator = FilterNode::Comparator;
  if (text == "!=") return Comparator::kNotEqual;
  if (text == "<") return Comparator::kLess;
  if (text == "<=") return Comparator::kLessOrEqual;
  if (text == ">") return Comparator::kGreater;
  if (text == ">=") return Comparator::kGreaterOrEqual;
  if (text == ":") return Comparator::kHas;
  return Comparator::kEqual;
}

// Recursive descent; `token_` is the next token, not yet taken.
class Parser {
 public:
  explicit Parser(std::string_view filter) : lexer_(filter) {}

  absl::StatusOr<FilterNode> Parse() {
    absl::Status status = Advance();
    if (!status.ok()) return status;
    absl::StatusOr<FilterNode> node = Sequence(0);
    if (node.ok() && token_.kind != Kind::kEnd) return FilterError(token_.offset, "AND, OR or the end is expected");
    return node;
  }

 private:
  absl::Status Advance() {
    absl::StatusOr<FilterToken> token = lexer_.Next();
    if (!token.ok()) return token.status();
    token_ = *std::move(token);
    return absl::OkStatus();
  }

  bool AtWord(std::string_view word) const { return token_.kind == Kind::kWord && token_.text == word; }
  bool StartsTerm() const {
    return token_.kind == Kind::kWord || token_.kind == Kind::kText || token_.kind == Kind::kOpen ||
           token_.kind == Kind::kMinus;
  }

  // factor { [AND] factor }
  absl::StatusOr<FilterNode> Sequence(int depth) {
    FilterNode all{.kind = FilterNode::Kind::kAnd};
    while (true) {
      absl::StatusOr<FilterNode> factor = Factor(depth);
      if (!factor.ok()) return factor;
      all.operands.push_back(*std::move(factor));
      if (AtWord("AND")) {
        absl::Status status = Advance();
        if (!status.ok()) return status;
      } else if (!StartsTerm()) {
        return Unwrap(std::move(all));
      }
    }
  }

  // term { OR term }
  absl::StatusOr<FilterNode> Factor(int depth) {
    FilterNode any{.kind = FilterNode::Kind::kOr};
    while (true) {
      absl::StatusOr<FilterNode> term = Term(depth);
      if (!term.ok()) return term;
      any.operands.push_back(*std::move(term));
      if (!AtWord("OR")) return Unwrap(std::move(any));
      absl::Status status = Advance();
      if (!status.ok()) return status;
    }
  }

  absl::StatusOr<FilterNode> Term(int depth) {
    if (depth > kFilterDepthMax) {
      return FilterError(token_.offset, absl::StrCat("at most ", kFilterDepthMax, " levels are allowed"));
    }
    const bool negated = AtWord("NOT") || token_.kind == Kind::kMinus;
    if (!negated) return token_.kind == Kind::kOpen ? Group(depth) : Comparison();
    absl::Status status = Advance();
    if (!status.ok()) return status;
    absl::StatusOr<FilterNode> operand = Term(depth + 1);
    if (!operand.ok()) return operand;
    FilterNode node{.kind = FilterNode::Kind::kNot};
    node.operands.push_back(*std::move(operand));
    return node;
  }

  absl::StatusOr<FilterNode> Group(int depth) {
    const size_t opened = token_.offset;
    absl::Status status = Advance();
    if (!status.ok()) return status;
    absl::StatusOr<FilterNode> inner = Sequence(depth + 1);
    if (!inner.ok()) return inner;
    if (token_.kind != Kind::kClose) return FilterError(opened, "this parenthesis is not closed");
    status = Advance();
    if (!status.ok()) return status;
    return inner;
  }

  absl::StatusOr<FilterNode> Comparison() {
    FilterNode node{.offset = token_.offset};
    if (++comparisons_ > kFilterComparisonsMax) {
      return FilterError(token_.offset, absl::StrCat("at most ", kFilterComparisonsMax, " comparisons are allowed"));
    }
    absl::Status status = Path(&node.path);
    if (!status.ok()) return status;
    if (token_.kind != Kind::kComparator) {
      return FilterError(token_.offset, "a comparison is expected: = != < <= > >= or `:`");
    }
    node.comparator = ComparatorOf(token_.text);
    absl::StatusOr<FilterToken> value = lexer_.NextValue();
    if (!value.ok()) return value.status();
    if (value->kind == Kind::kEnd) return FilterError(value->offset, "a value is expected after the comparison");
    node.value = std::move(value->text);
    node.quoted = value->kind == Kind::kText;
    node.value_offset = value->offset;
    status = Advance();
    if (!status.ok()) return status;
    return node;
  }

  absl::Status Path(std::vector<std::string>* path) {
    while (true) {
      const bool reserved = AtWord("AND") || AtWord("OR") || AtWord("NOT");
      if ((token_.kind != Kind::kWord && token_.kind != Kind::kText) || reserved) {
        return FilterError(token_.offset, "a field is expected");
      }
      path->push_back(std::move(token_.text));
      absl::Status status = Advance();
      if (!status.ok() || token_.kind != Kind::kDot) return status;
      status = Advance();
      if (!status.ok()) return status;
    }
  }

  static FilterNode Unwrap(FilterNode node) {
    if (node.operands.size() != 1) return node;
    FilterNode only = std::move(node.operands.front());
    return only;
  }

  FilterLexer lexer_;
  FilterToken token_;
  int comparisons_ = 0;
};

}  // namespace

absl::Status FilterError(size_t offset, std::string_view what) {
  return core::InvalidField("filter", absl::StrCat("column ", offset + 1, ": ", core::ToAbsl(what)));
}

absl::StatusOr<FilterNode> ParseFilter(std::string_view filter) {
  if (filter.size() > kFilterBytesMax) {
    return core::InvalidField(
        "filter", absl::StrCat("it has ", filter.size(), " bytes, at most ", kFilterBytesMax, " are allowed"));
  }
  return Parser(filter).Parse();
}

}  // namespace stratus::provisioning::domain
