#include "services/provisioning/engine/near_names.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace stratus::provisioning::engine {
namespace {

constexpr size_t kNameBytesMax = 64;

// Levenshtein's, a row at a time.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> NearNames(std::string_view name, const std::vector<std::string>& names, size_t count) {
  name = name.substr(0, kNameBytesMax);
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& other : names) {
    const size_t distance = Distance(name, other);
    if (distance <= std::max<size_t>(2, name.size() / 2)) near.emplace_back(distance, other);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> nearest;
  for (size_t i = 0; i < std::min(count, near.size()); ++i) nearest.push_back(near[i].second);
  return nearest;
}

}  // namespace stratus::provisioning::engine
