// The texts in which a secret may be written by a program that was given it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stratus::provisioning::engine {

// As it is without white space around it; each of its lines of 8 bytes or more; escaped for JSON (also as Go does) and
// for a URL (capital and small hex digits, blanks as `+`); in base64 and its URL-safe form, also where it stands within
// something longer that is encoded: at each of the three places a byte can have in a group. Not in order, some twice.
std::vector<std::string> FormsOf(std::string_view secret);

}  // namespace stratus::provisioning::engine
