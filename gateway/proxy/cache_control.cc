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

}  // namespace

CacheControl ParseCacheControl(std::string_view value) {
  CacheControl parsed;
  int64_t shared_s = -1;
  while (!value.empty()) {
    const size_t comma = value.find(',');
    const absl::string_view directive = absl::StripAsciiWhitespace(core::ToAbsl(value.substr(0, comma)));
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    const size_t equals = directive.find('=');
    const absl::string_view name = directive.substr(0, equals);
    const absl::string_view argument = equals == absl::string_view::npos ? "" : directive.substr(equals + 1);
    const auto is = [name](const char* known) { return absl::EqualsIgnoreCase(name, known); };
    if (is("no-store")) parsed.no_store = true;
    if (is("no-cache")) parsed.no_cache = true;
    if (is("private")) parsed.is_private = true;
    if (is("max-age")) parsed.fresh_s = Seconds(argument);
    if (is("s-maxage")) shared_s = Seconds(argument);
    if (is("stale-while-revalidate")) parsed.stale_while_revalidate_s = Seconds(argument);
  }
  if (shared_s >= 0) parsed.fresh_s = shared_s;
  return parsed;
}

}  // namespace stratus::gateway::proxy
