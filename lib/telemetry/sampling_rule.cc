#include "lib/telemetry/sampling_rule.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace stratus::telemetry {

bool WildcardMatch(std::string_view pattern, std::string_view text) {
  if (pattern == "*") return true;
  const auto lower = [](char c) { return absl::ascii_tolower(static_cast<unsigned char>(c)); };
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, from = 0;  // where to go on when what follows the last `*` does not match
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool SamplingRule::Matches(const SamplingRequest& request) const {
  return WildcardMatch(url_path, request.url_path) && WildcardMatch(http_method, request.http_method) &&
         WildcardMatch(service_name, request.service_name) && WildcardMatch(host, request.host) &&
         WildcardMatch(service_type, request.service_type);
}

bool Reservoir::Take(int64_t second, int64_t limit) {
  constexpr uint64_t kCountMask = (uint64_t{1} << kCountBits) - 1;
  const uint64_t most = static_cast<uint64_t>(std::clamp<int64_t>(limit, 0, static_cast<int64_t>(kCountMask)));
  const uint64_t now = static_cast<uint64_t>(second) << kCountBits;
  uint64_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t taken = (state & ~kCountMask) == now ? state & kCountMask : 0;
    if (taken >= most) return false;
    if (state_.compare_exchange_weak(state, now | (taken + 1), std::memory_order_relaxed)) return true;
  }
}

}  // namespace stratus::telemetry
