// Finds the end of an HTTP/1 request head as its bytes come in, and refuses early what no later step should have to
// think about: bare LF, folded lines (RFC 9112, 2.2 and 5.2) and heads over the limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stratus::gateway::http {

class HeadScanner {
 public:
  enum class Result : uint8_t {
    kIncomplete,
    kComplete,
    kBadLineEnding,  // LF without CR
    kNotHttp,        // the first byte can begin no method: another protocol
    kFolded,         // a line that begins with white space
    kLineTooLong,    // the request line alone is over the limit
    kTooLarge,       // the head is over the limit
  };

  // Looks on in `input`, which must begin with the head and only grow between calls.
  Result Scan(std::string_view input, size_t limit);
  // The head's size with the empty line that ends it, once the result is kComplete.
  size_t size() const { return line_; }
  void Reset() { *this = HeadScanner(); }

 private:
  size_t line_ = 0;     // where the current line begins
  size_t scanned_ = 0;  // no LF before this
};

}  // namespace stratus::gateway::http
