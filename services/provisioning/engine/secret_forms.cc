#include "services/provisioning/engine/secret_forms.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::provisioning::engine {
namespace {

constexpr size_t kLineBytesMin = 8;
// Of fewer bytes too little of the encoded form is the secret's alone to be told from other text.
constexpr size_t kShiftedBytesMin = 8;

std::string_view Stripped(std::string_view text) { return core::ToStd(absl::StripAsciiWhitespace(core::ToAbsl(text))); }

std::string JsonEscaped(std::string_view secret) {
  std::string escaped;
  core::AppendJsonString(&escaped, secret);
  return escaped.substr(1, escaped.size() - 2);
}

// As Go's encoder writes it, which also escapes what means something to HTML.
std::string GoJsonEscaped(std::string_view secret) {
  std::string escaped;
  for (const char c : JsonEscaped(secret)) {
    if (c == '<' || c == '>' || c == '&') {
      absl::StrAppend(&escaped, "\\u00", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string PercentEscaped(std::string_view secret, std::string_view hex, bool plus) {
  std::string escaped;
  for (const char c : secret) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~') {
      escaped += c;
    } else if (plus && c == ' ') {
      escaped += '+';
    } else {
      escaped += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return escaped;
}

void AddBase64(std::string_view secret, std::vector<std::string>* forms) {
  const std::string whole = absl::Base64Escape(core::ToAbsl(secret));
  forms->push_back(whole);
  forms->push_back(absl::WebSafeBase64Escape(core::ToAbsl(secret)));
  if (secret.size() < kShiftedBytesMin) return;
  // Of the characters those that hold bits of the secret alone, `before` bytes of something else in front.
  constexpr std::array<size_t, 3> kForeignCharacters = {0, 2, 3};
  for (size_t before = 0; before < kForeignCharacters.size(); ++before) {
    std::string shifted = absl::Base64Escape(std::string(before, '\0').append(secret));
    const size_t padding = (3 - (before + secret.size()) % 3) % 3;
    const size_t foreign_end = padding == 0 ? 0 : padding + 1;
    shifted = shifted.substr(kForeignCharacters[before], shifted.size() - kForeignCharacters[before] - foreign_end);
    forms->push_back(shifted);
    std::replace(shifted.begin(), shifted.end(), '+', '-');
    std::replace(shifted.begin(), shifted.end(), '/', '_');
    forms->push_back(std::move(shifted));
  }
}

}  // namespace

std::vector<std::string> FormsOf(std::string_view secret) {
  const std::string_view text = Stripped(secret);
  std::vector<std::string> forms = {std::string(text), JsonEscaped(text), GoJsonEscaped(text)};
  for (const bool plus : {false, true}) {
    forms.push_back(PercentEscaped(text, "0123456789ABCDEF", plus));
    forms.push_back(PercentEscaped(text, "0123456789abcdef", plus));
  }
  AddBase64(text, &forms);
  if (text.find('\n') == std::string_view::npos) return forms;
  for (const absl::string_view line : absl::StrSplit(core::ToAbsl(text), '\n')) {
    const std::string_view stripped = Stripped(core::ToStd(line));
    if (stripped.size() < kLineBytesMin) continue;
    forms.emplace_back(stripped);
    forms.push_back(JsonEscaped(stripped));
  }
  return forms;
}

}  // namespace stratus::provisioning::engine
