// JSON as a token may hold it: simdjson's grammar and UTF-8 checks, and beyond them no name twice in one object and no
// deep nesting. An integer of more than 64 bits, which is good JSON, reads as the nearest double. For .cc files alone:
// simdjson's header is large.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "lib/auth/verdict.h"

namespace stratus::auth {

class StrictJsonReader {
 public:
  // Parses `text` as one object, checked by CheckObject. `root` and all that hangs on it live until the next call or
  // the reader's end. Keeps its buffers for the next call.
  Verdict ParseObject(std::string_view text, int depth_max, simdjson::dom::object* root);
  // The same without CheckObject, for a text whose parts are checked one by one.
  Verdict ParseUnchecked(std::string_view text, simdjson::dom::object* root);

  // No name twice, at any depth, and at most `depth_max` levels.
  static Verdict CheckObject(const simdjson::dom::object& members, int depth_max);
  // No name twice in `members` itself.
  static Verdict CheckNames(const simdjson::dom::object& members);

 private:
  std::string padded_;
  simdjson::dom::parser parser_;
};

}  // namespace stratus::auth
