#include "gateway/proxy/entity_tag.h"

#include <algorithm>
#include <cstring>

namespace stratus::gateway::proxy {
namespace {

// Odd numbers without a pattern: digits of the golden ratio and of the square root of two.
constexpr uint64_t kFirst = 0x9e3779b97f4a7c15;
constexpr uint64_t kSecond = 0x6a09e667f3bcc909;
constexpr size_t kLanes = 4;

// The two halves of the 128-bit product, folded: each bit of the result depends on every bit of both factors.
uint64_t Mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t Load(const char* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// The tag without its weakness.
std::string_view Opaque(std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; }

// `list` is an If-None-Match: tags, each in quotes that may hold commas.
bool Lists(std::string_view list, std::string_view opaque) {
  for (;;) {
    const size_t begin = list.find('"');
    if (begin == std::string_view::npos) return list.find('*') != std::string_view::npos;
    const size_t end = list.find('"', begin + 1);
    if (end == std::string_view::npos) return false;
    if (list.substr(begin, end + 1 - begin) == opaque) return true;
    list.remove_prefix(end + 1);
  }
}

}  // namespace

uint64_t Fingerprint(std::string_view bytes, uint64_t seed) {
  uint64_t hash = Mix(seed ^ kFirst, bytes.size() ^ kSecond);
  const char* p = bytes.data();
  size_t left = bytes.size();
  if (left > kLanes * 16) {
    // Each lane's products wait for its last one alone, so that the processor has four of them under way.
    uint64_t lanes[kLanes] = {hash, hash ^ kFirst, hash ^ kSecond, ~hash};
    for (; left > kLanes * 16; left -= kLanes * 16, p += kLanes * 16) {
      for (size_t i = 0; i < kLanes; ++i) lanes[i] = Mix(Load(p + 16 * i) ^ kFirst, Load(p + 16 * i + 8) ^ lanes[i]);
    }
    hash = Mix(lanes[0] ^ kFirst, lanes[1]) ^ Mix(lanes[2] ^ kSecond, lanes[3]);
  }
  for (; left > 16; left -= 16, p += 16) hash = Mix(Load(p) ^ kFirst, Load(p + 8) ^ hash);
  char last[16] = {};
  if (left > 0) std::memcpy(last, p, left);
  hash = Mix(Load(last) ^ kSecond, Load(last + 8) ^ hash);
  return Mix(hash, kFirst);
}

std::string_view WriteEntityTag(uint64_t fingerprint, char* out) {
  char* at = std::copy_n("W/\"", 3, out);
  for (int shift = 60; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[fingerprint >> shift & 15];
  *at = '"';
  return {out, kEntityTagSize};
}

bool IsNotModified(const http::RequestHead& head, std::string_view tag) {
  return std::any_of(head.headers.begin(), head.headers.end(), [tag](const http::Header& header) {
    return header.name == "if-none-match" && Lists(header.value, Opaque(tag));
  });
}

}  // namespace stratus::gateway::proxy
