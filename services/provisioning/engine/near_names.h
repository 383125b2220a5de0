// Which of some names a person may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stratus::provisioning::engine {

// Those at most `name.size() / 2` (but 2 or more) edits away, the nearest first, at most `count`.
std::vector<std::string> NearNames(std::string_view name, const std::vector<std::string>& names, size_t count);

}  // namespace stratus::provisioning::engine
