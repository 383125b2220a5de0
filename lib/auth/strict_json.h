// JSON as a token may hold it: simdjson's grammar and UTF-8 checks, and beyond them no name twice in one object and no
// deep nesting. For .cc files alone: simdjson's header is large.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "lib/auth/verdict.h"

namespace stratus::auth {

class StrictJsonReader {
 public:
  // Parses `text` as one object. `root` and all that hangs on it live until the next Parse or the reader's end. Keeps
  // its buffers for the next call.
  Verdict ParseObject(std::string_view text, int depth_max, simdjson::dom::object* root);

 private:
  std::string padded_;
  simdjson::dom::parser parser_;
};

}  // namespace stratus::auth
