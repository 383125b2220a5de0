#include "services/provisioning/domain/filter_lexer.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/provisioning/domain/filter.h"

namespace stratus::provisioning::domain {
namespace {

bool InName(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; }

// Bytes over 0x7f are UTF-8 and may stand in words.
bool InValue(char c) {
  const unsigned char byte = static_cast<unsigned char>(c);
  return byte > ' ' && byte != 0x7f && std::string_view("()\"'<>=!,").find(c) == std::string_view::npos;
}

}  // namespace

bool FilterLexer::SkipBlanks() {
  const size_t from = at_;
  while (at_ < filter_.size() && absl::ascii_isspace(static_cast<unsigned char>(filter_[at_]))) ++at_;
  return at_ > from;
}

FilterToken FilterLexer::Word(FilterToken token, bool (*belongs)(char)) {
  token.kind = FilterToken::Kind::kWord;
  while (at_ < filter_.size() && belongs(filter_[at_])) token.text.push_back(filter_[at_++]);
  return token;
}

absl::StatusOr<FilterToken> FilterLexer::Text(FilterToken token) {
  token.kind = FilterToken::Kind::kText;
  const char quote = filter_[at_++];
  for (; at_ < filter_.size() && filter_[at_] != quote; ++at_) {
    if (filter_[at_] == '\\') {
      const std::string_view next = filter_.substr(at_ + 1, 1);
      if (next != "\"" && next != "'" && next != "\\") {
        return FilterError(at_, "after a backslash a quote or another backslash is expected");
      }
      ++at_;
    }
    if (filter_[at_] == '\0') return FilterError(at_, "a text holds no zero byte");
    token.text.push_back(filter_[at_]);
  }
  if (at_ == filter_.size()) return FilterError(token.offset, "this text has no closing quote");
  ++at_;
  return token;
}

absl::StatusOr<FilterToken> FilterLexer::Next() {
  FilterToken token;
  token.spaced = SkipBlanks();
  token.offset = at_;
  if (at_ == filter_.size()) return token;
  const char c = filter_[at_];
  if (c == '"' || c == '\'') return Text(std::move(token));
  if (c == '-') {
    ++at_;
    token.kind = FilterToken::Kind::kMinus;
    return token;
  }
  if (InName(c)) return Word(std::move(token), InName);
  const size_t length = filter_.substr(at_ + 1, 1) == "=" && (c == '<' || c == '>' || c == '!') ? 2 : 1;
  token.text = filter_.substr(at_, length);
  if (c == '(')
    token.kind = FilterToken::Kind::kOpen;
  else if (c == ')')
    token.kind = FilterToken::Kind::kClose;
  else if (c == '.')
    token.kind = FilterToken::Kind::kDot;
  else if (c == '=' || c == '<' || c == '>' || c == ':' || length == 2)
    token.kind = FilterToken::Kind::kComparator;
  else
    return FilterError(
        at_,
        absl::StrCat("`", absl::ascii_isprint(static_cast<unsigned char>(c)) ? std::string(1, c) : std::string("?"),
                     "` has no meaning here"));
  at_ += length;
  return token;
}

absl::StatusOr<FilterToken> FilterLexer::NextValue() {
  FilterToken token;
  token.spaced = SkipBlanks();
  token.offset = at_;
  if (at_ == filter_.size()) return token;
  if (filter_[at_] == '"' || filter_[at_] == '\'') return Text(std::move(token));
  if (!InValue(filter_[at_])) return FilterError(at_, "a value is expected: a word, or a text in quotes");
  return Word(std::move(token), InValue);
}

}  // namespace stratus::provisioning::domain
