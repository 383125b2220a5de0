#include "services/weather/domain/name_fold.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

namespace stratus::weather {
namespace {

// Combining Diacritical Marks. Marks of other scripts stay: in Devanagari or Thai they are vowels.
bool IsAccent(UChar32 c) { return c >= 0x0300 && c <= 0x036F; }

// Latin letters that Unicode does not decompose, as they are after case folding. Null for every other.
const char* PlainLetters(UChar32 c) {
  switch (c) {
    case 0x00E6: return "ae";  // æ
    case 0x00F0:               // ð
    case 0x0111: return "d";   // đ
    case 0x00F8: return "o";   // ø
    case 0x00FE: return "th";  // þ
    case 0x0127: return "h";   // ħ
    case 0x0131: return "i";   // ı
    case 0x0142: return "l";   // ł
    case 0x014B: return "n";   // ŋ
    case 0x0153: return "oe";  // œ
    case 0x0167: return "t";   // ŧ
    default: return nullptr;
  }
}

bool IsGap(UChar32 c) { return u_isUWhiteSpace(c) != 0 || u_charType(c) == U_DASH_PUNCTUATION; }

// Apostrophes that Unicode counts as letters (ʻ ʼ) are left out as the others are.
bool IsLeftOut(UChar32 c) { return u_ispunct(c) != 0 || c == '`' || (c >= 0x02B9 && c <= 0x02BF); }

}  // namespace

std::string FoldName(std::string_view name) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* fold = icu::Normalizer2::getNFKCCasefoldInstance(error);
  const icu::Normalizer2* decompose = icu::Normalizer2::getNFDInstance(error);
  if (U_FAILURE(error)) return std::string(name);  // ICU without its data: then only equal spellings are equal
  const auto piece = icu::StringPiece(name.data(), static_cast<int32_t>(name.size()));
  const icu::UnicodeString folded =
      decompose->normalize(fold->normalize(icu::UnicodeString::fromUTF8(piece), error), error);

  icu::UnicodeString plain;
  bool gap = false;
  for (int32_t i = 0; i < folded.length(); i = folded.moveIndex32(i, 1)) {
    const UChar32 c = folded.char32At(i);
    if (IsGap(c)) {
      gap = !plain.isEmpty();
      continue;
    }
    if (IsAccent(c) || IsLeftOut(c)) continue;
    if (gap) plain.append(UChar32{' '});
    gap = false;
    if (const char* letters = PlainLetters(c)) {
      plain.append(icu::UnicodeString(letters, -1, US_INV));
    } else {
      plain.append(c);
    }
  }
  std::string utf8;
  // Composed again, so that Korean and Vietnamese letters are what other texts hold.
  const icu::Normalizer2* compose = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) return std::string(name);
  compose->normalize(plain, error).toUTF8String(utf8);
  return utf8;
}

}  // namespace stratus::weather
