// Uids of stacks and runs: 20 characters of [a-z2-7], 100 random bits, so that none is ever made twice.
#pragma once

#include <string>
#include <string_view>

namespace stratus::provisioning::domain {

std::string NewUid();

// Whether `text` could be one: 20 characters of [a-z0-9].
bool IsUid(std::string_view text);

}  // namespace stratus::provisioning::domain
