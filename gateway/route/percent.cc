#include "gateway/route/percent.h"

namespace stratus::gateway::route {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that the escape at text[at] stands for, or -1.
int EscapedByte(std::string_view text, size_t at) {
  if (text.size() - at < 3) return -1;
  const int high = HexValue(text[at + 1]);
  const int low = HexValue(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

bool AppendPercentDecoded(std::string_view text, Keep keep, std::string* out) {
  size_t copied = 0;
  for (size_t at = text.find('%'); at != text.npos; at = text.find('%', at)) {
    const int byte = EscapedByte(text, at);
    if (byte < 0) return false;
    at += 3;
    if (byte == '/' && keep == Keep::kSlash) continue;
    out->append(text.substr(copied, at - 3 - copied));
    out->push_back(static_cast<char>(byte));
    copied = at;
  }
  out->append(text.substr(copied));
  return true;
}

std::optional<std::string_view> PercentDecodeTo(std::string_view text, char* buffer, size_t size) {
  if (text.find('%') == text.npos) return text;
  size_t length = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    int byte = static_cast<unsigned char>(text[at]);
    if (byte == '%') {
      byte = EscapedByte(text, at);
      if (byte < 0) return std::nullopt;
      at += 2;
    }
    if (length == size) return std::nullopt;
    buffer[length++] = static_cast<char>(byte);
  }
  return std::string_view(buffer, length);
}

}  // namespace stratus::gateway::route
