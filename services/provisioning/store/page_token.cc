#include "services/provisioning/store/page_token.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::store {
namespace {

constexpr char kVersion = 1;
constexpr size_t kCheckBytes = 12;
constexpr size_t kNumberBytes = 8;
constexpr size_t kTokenCharactersMax = 1024;

void AppendNumber(std::string* out, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

// Over each part with its length, so that no two queries run together.
std::string Check(std::initializer_list<std::string_view> query, std::string_view body) {
  std::string text;
  for (const std::string_view part : query) {
    AppendNumber(&text, part.size());
    text.append(part);
  }
  text.append(body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest), kCheckBytes};
}

}  // namespace

std::string MakePageToken(std::initializer_list<std::string_view> query, const Position& position) {
  std::string body(1, kVersion);
  AppendNumber(&body, static_cast<uint64_t>(position.number));
  body.append(position.text);
  return absl::WebSafeBase64Escape(absl::StrCat(Check(query, body), body));
}

absl::StatusOr<Position> ReadPageToken(std::initializer_list<std::string_view> query, std::string_view token) {
  const absl::Status refused = core::InvalidField(
      "page_token", "it is not a next_page_token of this query: leave the other fields as they were");
  std::string bytes;
  if (token.size() > kTokenCharactersMax || !absl::WebSafeBase64Unescape(core::ToAbsl(token), &bytes)) return refused;
  if (bytes.size() < kCheckBytes + 1 + kNumberBytes) return refused;
  const std::string_view body = std::string_view(bytes).substr(kCheckBytes);
  if (body[0] != kVersion || bytes.compare(0, kCheckBytes, Check(query, body)) != 0) return refused;
  uint64_t number = 0;
  for (size_t i = 1; i <= kNumberBytes; ++i) number = number << 8 | static_cast<unsigned char>(body[i]);
  return Position{static_cast<int64_t>(number), std::string(body.substr(1 + kNumberBytes))};
}

}  // namespace stratus::provisioning::store
