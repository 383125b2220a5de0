#include "lib/http_server/target.h"

namespace stratus::http_server {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    decoded.push_back(c);
  }
  return decoded;
}

std::pair<std::string_view, std::string_view> SplitTarget(std::string_view target) {
  if (!target.starts_with('/')) {
    if (const size_t scheme_end = target.find("://"); scheme_end != std::string_view::npos) {
      const size_t authority_end = target.find_first_of("/?", scheme_end + 3);
      target = authority_end == std::string_view::npos ? std::string_view() : target.substr(authority_end);
    }
  }
  const size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  const std::string_view query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  return {path.empty() ? std::string_view("/") : path, query};
}

std::optional<std::string> FindFormValue(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const size_t ampersand = form.find('&');
    const std::string_view pair = form.substr(0, ampersand);
    form = ampersand == std::string_view::npos ? std::string_view() : form.substr(ampersand + 1);
    const size_t equals = pair.find('=');
    const auto key = PercentDecode(pair.substr(0, equals), true);
    if (key != name) continue;
    return PercentDecode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

}  // namespace stratus::http_server
