// A filter cut into tokens.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::provisioning::domain {

struct FilterToken {
  enum class Kind { kWord, kText, kComparator, kDot, kOpen, kClose, kMinus, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;     // of a text, without its quotes and escapes
  size_t offset = 0;    // of its first byte
  bool spaced = false;  // whether blanks stand before it
};

class FilterLexer {
 public:
  // `filter` outlives it.
  explicit FilterLexer(std::string_view filter) : filter_(filter) {}

  // INVALID_ARGUMENT: a character that starts no token, a text that does not end.
  absl::StatusOr<FilterToken> Next();

  // Where a value is expected: a bare word may hold what separates elsewhere (`2026-01-02T03:04:05Z`, `a/b`, `-1.5`).
  absl::StatusOr<FilterToken> NextValue();

 private:
  bool SkipBlanks();
  absl::StatusOr<FilterToken> Text(FilterToken token);
  FilterToken Word(FilterToken token, bool (*belongs)(char));

  std::string_view filter_;
  size_t at_ = 0;
};

}  // namespace stratus::provisioning::domain
