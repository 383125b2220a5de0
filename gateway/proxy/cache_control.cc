#include "gateway/proxy/cache_control.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr int64_t kSecondsMax = 365 * 24 * 3600;

// `60`, or `"60"` as some write it.
int64_t Seconds(absl::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  int64_t seconds = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return 0;
    seconds = std::min(seconds * 10 + (c - '0'), kSecondsMax);
  }
  return seconds;
}

struct Directive {
  absl::string_view name;
  absl::string_view argument;

  bool Is(const char* known) const { return absl::EqualsIgnoreCase(name, known); }
};

// Takes the first directive off a list; false when there is none left.
bool NextDirective(std::string_view* list, Directive* directive) {
  if (list->empty()) return false;
  const size_t comma = list->find(',');
  const absl::string_view text = absl::StripAsciiWhitespace(core::ToAbsl(list->substr(0, comma)));
  *list = comma == std::string_view::npos ? std::string_view() : list->substr(comma + 1);
  const size_t equals = text.find('=');
  directive->name = text.substr(0, equals);
  directive->argument = equals == absl::string_view::npos ? "" : text.substr(equals + 1);
  return true;
}

}  // namespace

CacheControl ParseCacheControl(std::string_view value) {
  CacheControl parsed;
  int64_t shared_s = -1;
  for (Directive directive; NextDirective(&value, &directive);) {
    if (directive.Is("no-store")) parsed.no_store = true;
    if (directive.Is("no-cache")) parsed.no_cache = true;
    if (directive.Is("private")) parsed.is_private = true;
    if (directive.Is("must-revalidate") || directive.Is("proxy-revalidate")) parsed.must_revalidate = true;
    if (directive.Is("max-age")) parsed.fresh_s = Seconds(directive.argument);
    if (directive.Is("s-maxage")) shared_s = Seconds(directive.argument);
    if (directive.Is("stale-while-revalidate")) parsed.stale_while_revalidate_s = Seconds(directive.argument);
    if (directive.Is("stale-if-error")) parsed.stale_if_error_s = Seconds(directive.argument);
  }
  if (shared_s >= 0) parsed.fresh_s = shared_s;
  return parsed;
}

RequestCacheControl ParseRequestCacheControl(const http::RequestHead& head) {
  RequestCacheControl parsed;
  for (const http::Header& header : head.headers) {
    if (header.name != "cache-control") continue;
    std::string_view value = header.value;
    for (Directive directive; NextDirective(&value, &directive);) {
      if (directive.Is("no-store")) parsed.no_store = true;
      if (directive.Is("no-cache")) parsed.no_cache = true;
      if (directive.Is("only-if-cached")) parsed.only_if_cached = true;
      if (directive.Is("max-age")) parsed.age_s_max = std::min(parsed.age_s_max, Seconds(directive.argument));
      if (directive.Is("min-fresh")) parsed.fresh_s_min = std::max(parsed.fresh_s_min, Seconds(directive.argument));
    }
  }
  if (parsed.age_s_max == 0) parsed.no_cache = true;
  return parsed;
}

}  // namespace stratus::gateway::proxy
