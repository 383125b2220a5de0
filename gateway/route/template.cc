#include "gateway/route/template.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gateway/route/percent.h"
#include "lib/core/status.h"

namespace stratus::gateway::route {
namespace {

bool IsIdentStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsIdent(char c) { return IsIdentStart(c) || (c >= '0' && c <= '9'); }

// What may stand in a literal as it is: `pchar` of RFC 3986 without `*`, and bytes of UTF-8. Anything else has to be
// percent-encoded, as http.proto says.
bool IsLiteral(char c) {
  if (IsIdent(c) || static_cast<unsigned char>(c) >= 0x80) return true;
  return std::string_view("-.~!$&'()+,;=@:%").find(c) != std::string_view::npos;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<Template> Parse() {
    if (text_.size() > Template::kLengthMax) {
      return Fail(absl::StrCat("is longer than ", Template::kLengthMax, " bytes"));
    }
    if (!Take('/')) return Fail("must begin with `/`");
    if (!AtEnd()) {
      if (absl::Status status = ParseSegments(/*inside_variable=*/false); !status.ok()) return status;
    }
    if (absl::Status status = ParseVerb(); !status.ok()) return status;
    if (!AtEnd()) return Fail("expected `/`, `:verb` or the end");
    return std::move(template_);
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  bool Take(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  absl::Status Fail(std::string_view problem) const {
    return core::Error(absl::StatusCode::kInvalidArgument,
                       absl::StrCat("path template `", core::ToAbsl(text_.substr(0, Template::kLengthMax)),
                                    "`, offset ", at_, ": ", core::ToAbsl(problem)));
  }

  absl::Status ParseSegments(bool inside_variable) {
    do {
      if (absl::Status status = ParseSegment(inside_variable); !status.ok()) return status;
    } while (Take('/'));
    return absl::OkStatus();
  }

  absl::Status ParseSegment(bool inside_variable) {
    if (!template_.segments.empty() && template_.segments.back().kind == Segment::Kind::kRest) {
      return Fail("nothing but a verb may follow `**`");
    }
    if (Peek() == '{') {
      if (inside_variable) return Fail("a variable's template must not hold another variable");
      return ParseVariable();
    }
    if (Take('*')) return Add({Take('*') ? Segment::Kind::kRest : Segment::Kind::kOne, ""});
    return ParseLiteral(inside_variable);
  }

  absl::Status ParseLiteral(bool inside_variable) {
    std::string_view raw = LiteralAhead();
    // The last colon of the last segment begins the verb; in a variable's template there is no verb.
    if (!inside_variable && at_ + raw.size() == text_.size()) raw = raw.substr(0, raw.rfind(':'));
    Segment segment{Segment::Kind::kLiteral, ""};
    if (absl::Status status = Decode(raw, &segment.literal); !status.ok()) return status;
    return Add(std::move(segment));
  }

  absl::Status ParseVerb() {
    if (!Take(':')) return absl::OkStatus();
    if (AtEnd()) return Fail("a verb is missing after `:`");
    const std::string_view raw = LiteralAhead();
    if (raw.find(':') != raw.npos) return Fail("a verb must not hold a colon");
    return Decode(raw, &template_.verb);
  }

  std::string_view LiteralAhead() const {
    const std::string_view rest = text_.substr(at_);
    return rest.substr(0, std::find_if_not(rest.begin(), rest.end(), IsLiteral) - rest.begin());
  }

  // Takes `raw`, which stands at at_, percent-decoded.
  absl::Status Decode(std::string_view raw, std::string* out) {
    if (raw.empty()) return Fail(AtEnd() ? "a segment is missing" : "expected a literal, `*`, `**` or `{variable}`");
    if (!AppendPercentDecoded(raw, Keep::kNothing, out)) return Fail("a percent-escape is malformed");
    if (out->size() > Template::kLiteralMax) {
      return Fail(absl::StrCat("a literal is longer than ", Template::kLiteralMax, " bytes"));
    }
    at_ += raw.size();
    return absl::OkStatus();
  }

  absl::Status ParseVariable() {
    ++at_;  // `{`
    Variable variable{"", static_cast<uint16_t>(template_.segments.size()), 0, false};
    if (absl::Status status = ParseFieldPath(&variable.field_path); !status.ok()) return status;
    absl::Status status = Take('=') ? ParseSegments(/*inside_variable=*/true) : Add({Segment::Kind::kOne, ""});
    if (!status.ok()) return status;
    if (!Take('}')) return Fail("expected `}`");
    variable.end = static_cast<uint16_t>(template_.segments.size());
    variable.multi =
        variable.end - variable.begin > 1 || template_.segments[variable.begin].kind == Segment::Kind::kRest;
    if (template_.variables.size() == Template::kVariablesMax) {
      return Fail(absl::StrCat("has more than ", Template::kVariablesMax, " variables"));
    }
    template_.variables.push_back(std::move(variable));
    return absl::OkStatus();
  }

  absl::Status ParseFieldPath(std::string* out) {
    const size_t begin = at_;
    do {
      if (!IsIdentStart(Peek())) return Fail("expected a field name");
      while (IsIdent(Peek())) ++at_;
    } while (Take('.'));
    out->assign(text_.substr(begin, at_ - begin));
    for (const Variable& other : template_.variables) {
      if (other.field_path == *out) return Fail(absl::StrCat("`", *out, "` is bound twice"));
    }
    return absl::OkStatus();
  }

  absl::Status Add(Segment segment) {
    if (template_.segments.size() == Template::kSegmentsMax) {
      return Fail(absl::StrCat("has more than ", Template::kSegmentsMax, " segments"));
    }
    template_.segments.push_back(std::move(segment));
    return absl::OkStatus();
  }

  std::string_view text_;
  size_t at_ = 0;
  Template template_;
};

}  // namespace

absl::StatusOr<Template> ParseTemplate(std::string_view text) { return Parser(text).Parse(); }

}  // namespace stratus::gateway::route
