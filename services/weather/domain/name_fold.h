// Names as people type them: `SÃO PAULO`, `Sao Paulo` and a decomposed `São Paulo` are one name.
#pragma once

#include <string>
#include <string_view>

namespace stratus::weather {

// The form in which two spellings of one name are equal: case folded, accents and the strokes of Latin letters gone
// (đ, ł, ø, ß, æ), punctuation dropped, hyphens and white space as one space. Scripts are kept: `Москва` stays
// Cyrillic. Bytes that are not UTF-8 become U+FFFD. Thread-safe.
std::string FoldName(std::string_view name);

}  // namespace stratus::weather
