#include "gateway/http/head_scanner.h"

#include <algorithm>
#include <cstring>

namespace stratus::gateway::http {

namespace {

// The first character of a method (RFC 9110, 5.6.2), or of the empty line that may stand before it.
bool MayBegin(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~\r\n";
  const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return letter || (c >= '0' && c <= '9') || kOthers.find(c) != std::string_view::npos;
}

}  // namespace

HeadScanner::Result HeadScanner::Scan(std::string_view input, size_t limit) {
  // A client that speaks TLS to a plain port would wait for an answer.
  if (scanned_ == 0 && !input.empty() && !MayBegin(input.front())) return Result::kNotHttp;
  const size_t end = std::min(input.size(), limit);
  while (scanned_ < end) {
    const char* found = static_cast<const char*>(std::memchr(input.data() + scanned_, '\n', end - scanned_));
    if (found == nullptr) break;
    const size_t lf = static_cast<size_t>(found - input.data());
    if (lf == line_ || input[lf - 1] != '\r') return Result::kBadLineEnding;
    if (input[line_] == ' ' || input[line_] == '\t') return Result::kFolded;
    const bool empty = lf == line_ + 1;
    scanned_ = lf + 1;
    line_ = scanned_;
    if (empty) return Result::kComplete;
  }
  scanned_ = end;
  if (input.size() < limit) return Result::kIncomplete;
  return line_ == 0 ? Result::kLineTooLong : Result::kTooLarge;
}

}  // namespace stratus::gateway::http
