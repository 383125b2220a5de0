#include "gateway/openapi/path_key.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::gateway::openapi {
namespace {

using route::Segment;

// `pchar` of RFC 3986 as it is, the rest percent-encoded.
std::string EncodeLiteral(std::string_view text) {
  constexpr std::string_view kPlain = "-._~!$&'()+,;=@:*";
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || kPlain.find(c) != kPlain.npos) {
      out.push_back(c);
    } else {
      absl::StrAppend(&out, "%", absl::AlphaNum(absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2)));
    }
  }
  return out;
}

// `api-keys` -> `apiKeys`
std::string CamelCase(std::string_view text) {
  std::string out;
  bool upper = false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      upper = !out.empty();
      continue;
    }
    out.push_back(upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c);
    upper = false;
  }
  return out;
}

class Builder {
 public:
  explicit Builder(const route::Template& parsed) : template_(parsed) {}

  PathKey Build() {
    for (size_t i = 0; i < template_.segments.size(); ++i) AddSegment(i);
    if (template_.segments.empty()) Append("/");
    if (!template_.verb.empty()) Append(":" + EncodeLiteral(template_.verb));
    return std::move(path_);
  }

 private:
  void Append(const std::string& text) {
    path_.key += text;
    path_.shape += text;
  }

  const route::Variable* VariableAt(size_t segment) const {
    for (const route::Variable& variable : template_.variables) {
      if (segment >= variable.begin && segment < variable.end) return &variable;
    }
    return nullptr;
  }

  void AddSegment(size_t i) {
    const Segment& segment = template_.segments[i];
    if (segment.kind == Segment::Kind::kLiteral) {
      const std::string literal = EncodeLiteral(segment.literal);
      path_.parts.push_back({literal});
      Append("/" + literal);
      return;
    }
    const route::Variable* variable = VariableAt(i);
    const std::string name = Unique(NameOf(i, variable));
    path_.parts.push_back({"", static_cast<int>(path_.parameters.size())});
    absl::StrAppend(&path_.key, "/{", name, "}");
    path_.shape += "/{}";
    PathParameter parameter{name, "", 0, 0, segment.kind == Segment::Kind::kRest};
    if (variable != nullptr) {
      parameter.variable = variable->field_path;
      parameter.begin = variable->begin;
      parameter.end = variable->end;
    }
    path_.parameters.push_back(std::move(parameter));
  }

  std::string NameOf(size_t i, const route::Variable* variable) const {
    if (variable != nullptr && variable->end - variable->begin == 1) return variable->field_path;
    const bool behind_literal = i > 0 && template_.segments[i - 1].kind == Segment::Kind::kLiteral &&
                                (variable == nullptr || i > variable->begin);
    if (template_.segments[i].kind == Segment::Kind::kRest) return variable == nullptr ? "rest" : variable->field_path;
    const std::string stem = behind_literal ? CamelCase(template_.segments[i - 1].literal) : "";
    if (!stem.empty()) return stem + "Id";
    return variable == nullptr ? "segment" : variable->field_path;
  }

  std::string Unique(const std::string& name) const {
    const auto taken = [this](const std::string& candidate) {
      return std::any_of(path_.parameters.begin(), path_.parameters.end(),
                         [&](const PathParameter& parameter) { return parameter.name == candidate; });
    };
    std::string candidate = name;
    for (int i = 2; taken(candidate); ++i) candidate = absl::StrCat(name, i);
    return candidate;
  }

  const route::Template& template_;
  PathKey path_;
};

}  // namespace

PathKey MakePathKey(const route::Template& path_template) { return Builder(path_template).Build(); }

void AdoptNames(const PathKey& other, PathKey* path) {
  path->key = other.key;
  for (size_t i = 0; i < path->parameters.size(); ++i) path->parameters[i].name = other.parameters[i].name;
}

std::string PatternOf(const PathKey& path, const PathParameter& parameter) {
  std::string pattern;
  if (parameter.end - parameter.begin < 2) return pattern;
  for (size_t i = parameter.begin; i < parameter.end; ++i) {
    const PathKey::Part& part = path.parts[i];
    if (!pattern.empty()) pattern += "/";
    pattern += part.parameter < 0 ? part.literal
                                  : absl::StrCat("{", path.parameters[static_cast<size_t>(part.parameter)].name, "}");
  }
  return pattern;
}

}  // namespace stratus::gateway::openapi
