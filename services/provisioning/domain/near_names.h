// "Did you mean": names that a mistyped one may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stratus::provisioning::domain {

// At most three of `candidates`, nearest first: within a third of the name's length in edits (two at least; a swap of
// neighbours is one), case left aside, or with the name as their beginning. Names and candidates past 128 bytes are
// near to nothing.
std::vector<std::string> NearNames(std::string_view name, const std::vector<std::string>& candidates);

// `; did you mean a, b or c?`, or empty.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace stratus::provisioning::domain
