#include "services/sandbox/fold.h"

#include <cstdint>

#include "absl/strings/ascii.h"

namespace stratus::sandbox {
namespace {

struct Letters {
  std::u32string_view accented;
  std::string_view plain;
};

// The Latin letters of Unicode's blocks Latin-1, Latin Extended-A and -B, and the Vietnamese ones of Latin Extended
// Additional, by the letter that their canonical decomposition starts with.
constexpr Letters kLetters[] = {
    {U"ÀÁÂÃÄÅàáâãäåĀāĂăĄąǍǎǞǟǠǡǺǻȀȁȂȃȦȧẠạẢảẤấẦầẨẩẪẫẬậẮắ", "a"},
    {U"ẰằẲẳẴẵẶặ", "a"},
    {U"Ææ", "ae"},
    {U"ÇçĆćĈĉĊċČč", "c"},
    {U"ÐðĎďĐđ", "d"},
    {U"ÈÉÊËèéêëĒēĔĕĖėĘęĚěȄȅȆȇȨȩẸẹẺẻẼẽẾếỀềỂểỄễỆệ", "e"},
    {U"ĜĝĞğĠġĢģǦǧǴǵ", "g"},
    {U"ĤĥȞȟ", "h"},
    {U"ÌÍÎÏìíîïĨĩĪīĬĭĮįİıǏǐȈȉȊȋỈỉỊị", "i"},
    {U"Ĵĵǰ", "j"},
    {U"ĶķǨǩ", "k"},
    {U"ĹĺĻļĽľŁł", "l"},
    {U"ÑñŃńŅņŇňǸǹ", "n"},
    {U"ÒÓÔÕÖØòóôõöøŌōŎŏŐőƠơǑǒǪǫǬǭȌȍȎȏȪȫȬȭȮȯȰȱỌọỎỏỐốỒồỔổ", "o"},
    {U"ỖỗỘộỚớỜờỞởỠỡỢợ", "o"},
    {U"Œœ", "oe"},
    {U"ŔŕŖŗŘřȐȑȒȓ", "r"},
    {U"ŚśŜŝŞşŠšȘș", "s"},
    {U"ß", "ss"},
    {U"ŢţŤťȚț", "t"},
    {U"Þþ", "th"},
    {U"ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲųƯưǓǔǕǖǗǘǙǚǛǜȔȕȖȗỤụỦủỨứỪừỬửỮữ", "u"},
    {U"Ựự", "u"},
    {U"Ŵŵ", "w"},
    {U"ÝýÿŶŷŸȲȳỲỳỴỵỶỷỸỹ", "y"},
    {U"ŹźŻżŽž", "z"},
};

// Beyond Unicode: what stands for a byte that starts no code point.
constexpr char32_t kBroken = 0x110000;

// Takes one code point off the front, or one byte that starts none.
char32_t TakeCodePoint(std::string_view* text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>((*text)[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1 || text->size() < length) {
    text->remove_prefix(1);
    return lead < 0x80 ? lead : kBroken;
  }
  char32_t code = lead & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3F);
  text->remove_prefix(length);
  return code;
}

bool IsCombiningAccent(char32_t code) { return code >= 0x300 && code <= 0x36F; }

std::string_view PlainLetter(char32_t code) {
  for (const Letters& letters : kLetters) {
    if (letters.accented.find(code) != std::u32string_view::npos) return letters.plain;
  }
  return {};
}

}  // namespace

std::string Fold(std::string_view utf8) {
  std::string folded;
  while (!utf8.empty()) {
    const std::string_view before = utf8;
    const char32_t code = TakeCodePoint(&utf8);
    if (code < 0x80) {
      folded.push_back(absl::ascii_tolower(static_cast<unsigned char>(code)));
    } else if (const std::string_view plain = PlainLetter(code); !plain.empty()) {
      folded += plain;
    } else if (!IsCombiningAccent(code)) {
      folded += before.substr(0, before.size() - utf8.size());
    }
  }
  return folded;
}

}  // namespace stratus::sandbox
