// Careful reading of a source's JSON. A measured value that is missing, null, of the wrong type or beyond what nature
// does is absent; only the skeleton (the objects and times that hold the values) must be right.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "simdjson.h"

namespace stratus::weather::json {

using Element = simdjson::dom::element;

// A parsed text; elements live as long as it does.
class Document {
 public:
  // Nothing unless `text` is one JSON object or array. A bare NaN or Infinity, which some servers write for a value
  // that they do not have, reads as null.
  static std::optional<Document> Parse(std::string_view text);
  const Element& root() const { return root_; }

 private:
  // On the heap: elements point into the parser, which must not move with the document.
  std::unique_ptr<simdjson::dom::parser> parser_ = std::make_unique<simdjson::dom::parser>();
  Element root_;
};

// The member, or nothing when `parent` is no object or has none (or null).
std::optional<Element> Member(const Element& parent, const char* key);

struct Range {
  double min;
  double max;
};

// The number, or nothing when it is no number or outside the range.
std::optional<double> Number(const std::optional<Element>& element, Range range);
std::optional<double> Number(const Element& parent, const char* key, Range range);
std::optional<int> Integer(const Element& parent, const char* key, int min, int max);

// Unix seconds between 2000 and 2100.
std::optional<absl::Time> Time(const std::optional<Element>& element);

// Empty when it is no string; cut to 256 bytes at a character's end.
std::string Text(const Element& parent, const char* key);

}  // namespace stratus::weather::json
