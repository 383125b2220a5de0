// Names without case and accents, for comparing.
#pragma once

#include <string>
#include <string_view>

namespace stratus::sandbox {

// Lower-case ASCII of Latin text: `Hà Nội` and `HA NOI` both give `ha noi`, `Tromsø` gives `tromso`. Combining accents
// are dropped; what is not Latin stays as it is.
std::string Fold(std::string_view utf8);

}  // namespace stratus::sandbox
