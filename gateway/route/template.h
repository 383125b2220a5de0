// A path template of google.api.http, parsed. The grammar is that of google/api/http.proto:
//
//   Template = "/" Segments [ Verb ] ;
//   Segments = Segment { "/" Segment } ;
//   Segment  = "*" | "**" | LITERAL | Variable ;
//   Variable = "{" FieldPath [ "=" Segments ] "}" ;
//   FieldPath = IDENT { "." IDENT } ;
//   Verb     = ":" LITERAL ;
//
// What the grammar leaves open: `/` alone is the root; a colon is literal but for the last one of the last segment,
// which begins the verb; `**` stands last.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stratus::gateway::route {

struct Segment {
  enum class Kind : uint8_t {
    kLiteral,
    kOne,   // `*`: exactly one segment, not empty
    kRest,  // `**`: zero or more segments; always the last
  };
  Kind kind;
  std::string literal;  // percent-decoded; kLiteral alone
};

struct Variable {
  std::string field_path;  // `location.latitude`
  // The template's segments [begin, end) are the variable's.
  uint16_t begin;
  uint16_t end;
  // Spans `**` or several segments: %2F in it is not decoded.
  bool multi;
};

struct Template {
  // Bounds on what a template may hold; beyond them it is refused.
  static constexpr size_t kLengthMax = 2048;
  static constexpr size_t kSegmentsMax = 32;
  static constexpr size_t kLiteralMax = 255;  // bytes, decoded
  static constexpr size_t kVariablesMax = 16;

  std::vector<Segment> segments;
  std::string verb;  // decoded, without the colon; empty: none
  std::vector<Variable> variables;
};

// INVALID_ARGUMENT with the template, the offset (from 0, in bytes) and what is wrong there.
absl::StatusOr<Template> ParseTemplate(std::string_view text);

}  // namespace stratus::gateway::route
