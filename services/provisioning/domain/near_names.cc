#include "services/provisioning/domain/near_names.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::domain {
namespace {

constexpr size_t kBytesMax = 128;
constexpr size_t kSuggestionsMax = 3;

// Damerau-Levenshtein (optimal string alignment).
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

}  // namespace

std::vector<std::string> NearNames(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.empty() || name.size() > kBytesMax) return {};
  const std::string wanted = absl::AsciiStrToLower(core::ToAbsl(name));
  const size_t limit = std::max<size_t>(2, wanted.size() / 3);
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kBytesMax) continue;
    const std::string lower = absl::AsciiStrToLower(candidate);
    const size_t edits = Edits(wanted, lower);
    // A name of two letters is two edits from every other.
    const bool close = edits <= limit && edits < std::max(wanted.size(), lower.size());
    const bool begins = wanted.size() >= 3 && lower.compare(0, wanted.size(), wanted) == 0;
    if (close || begins) near.emplace_back(edits, candidate);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kSuggestionsMax) near.resize(kSuggestionsMax);
  std::vector<std::string> names;
  for (auto& [edits, candidate] : near) names.push_back(std::move(candidate));
  return names;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::vector<std::string> names = NearNames(name, candidates);
  if (names.empty()) return "";
  std::string text = "; did you mean ";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) absl::StrAppend(&text, i + 1 == names.size() ? " or " : ", ");
    absl::StrAppend(&text, names[i]);
  }
  return text + "?";
}

}  // namespace stratus::provisioning::domain
