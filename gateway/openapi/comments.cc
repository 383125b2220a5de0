#include "gateway/openapi/comments.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "lib/core/status.h"

namespace stratus::gateway::openapi {
namespace {

std::string WithoutInternalParts(std::string_view text) {
  std::string out;
  while (true) {
    const size_t begin = text.find("(--");
    out.append(text.substr(0, begin));
    if (begin == text.npos) return out;
    const size_t end = text.find("--)", begin);
    if (end == text.npos) return out;
    text.remove_prefix(end + 3);
  }
}

bool IsLinterLine(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  return absl::StartsWith(line, "buf:lint:") || absl::StartsWith(line, "@exclude");
}

}  // namespace

std::string CleanComment(std::string_view raw) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(WithoutInternalParts(raw), '\n')) {
    if (IsLinterLine(line)) continue;
    if (absl::StartsWith(line, " ")) line.remove_prefix(1);
    lines.emplace_back(absl::StripTrailingAsciiWhitespace(line));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  const std::string text = absl::StrJoin(lines, "\n");
  return std::string(absl::StripLeadingAsciiWhitespace(text));
}

std::string SummaryOf(std::string_view comment) {
  std::string line(comment.substr(0, comment.find("\n\n")));
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  const size_t sentence = line.find(". ");
  if (sentence != line.npos) line.resize(sentence);
  if (!line.empty() && line.back() == '.') line.pop_back();
  return line;
}

}  // namespace stratus::gateway::openapi
