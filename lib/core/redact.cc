#include "lib/core/redact.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace stratus::core {
namespace {

constexpr std::string_view kMark = "[redacted]";
constexpr size_t kJwtBytesMin = 20;
constexpr size_t kCredentialBytesMin = 8;

constexpr std::array<std::string_view, 12> kSecretNames = {"token",         "secret",    "password",   "passwd",
                                                           "appid",         "apikey",    "api_key",    "api-key",
                                                           "authorization", "signature", "credential", "private_key"};
// Of DigitalOcean, AWS, GitHub.
constexpr std::array<std::string_view, 8> kPrefixes = {"dop_v1_", "doo_v1_", "AKIA", "ASIA",
                                                       "ghp_",    "gho_",    "ghs_", "github_pat_"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// RFC 6750's b68token, and the name of a parameter.
bool IsTokenChar(char c) {
  return IsAlpha(c) || IsDigit(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/' || c == '=';
}
bool IsNameChar(char c) { return IsAlpha(c) || IsDigit(c) || c == '-' || c == '_'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

size_t RunLength(std::string_view text, bool (*belongs)(char)) {
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
}

bool StartsWithIgnoringCase(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char l, char c) { return l == Lower(c); });
}

bool NamesASecret(std::string_view name) {
  return std::any_of(kSecretNames.begin(), kSecretNames.end(), [name](std::string_view secret) {
    return std::search(name.begin(), name.end(), secret.begin(), secret.end(),
                       [](char c, char l) { return Lower(c) == l; }) != name.end();
  });
}

// What is to be cut out: `skip` bytes from where it was looked for stay, the next `size` go. Size 0: nothing.
struct Cut {
  size_t skip = 0;
  size_t size = 0;
};

Cut JsonWebToken(std::string_view text) {
  const std::string_view run = text.substr(0, RunLength(text, IsTokenChar));
  const bool token = run.size() >= kJwtBytesMin && run.find('.') != std::string_view::npos;
  return {0, token ? run.size() : 0};
}

// `Bearer ...`, where what follows is no word of a sentence.
Cut Scheme(std::string_view text, std::string_view scheme) {
  if (!StartsWithIgnoringCase(text, scheme)) return {};
  const std::string_view run = text.substr(scheme.size(), RunLength(text.substr(scheme.size()), IsTokenChar));
  const bool word = std::all_of(run.begin(), run.end(), [](char c) { return IsAlpha(c) || c == '.' || c == '-'; });
  if (run.size() < kCredentialBytesMin || (word && run.size() < 2 * kCredentialBytesMin)) return {};
  return {scheme.size(), run.size()};
}

Cut KnownPrefix(std::string_view text) {
  for (const std::string_view prefix : kPrefixes) {
    if (text.substr(0, prefix.size()) != prefix) continue;
    const size_t size = RunLength(text, IsNameChar);
    if (size >= prefix.size() + kCredentialBytesMin) return {0, size};
  }
  return {};
}

// At a `=` or `:`: the value of a parameter, or of a JSON member, whose name says secret.
Cut Value(std::string_view text, size_t at) {
  size_t end = at;
  if (end > 0 && text[end - 1] == '"') --end;
  size_t begin = end;
  while (begin > 0 && IsNameChar(text[begin - 1])) --begin;
  if (!NamesASecret(text.substr(begin, end - begin))) return {};
  size_t from = at + 1;
  const bool quoted = from < text.size() && text[from] == '"';
  // A colon without a quote is a sentence: `token: it has expired`.
  if (text[at] == ':' && !quoted) return {};
  if (quoted) ++from;
  const std::string_view rest = text.substr(from);
  size_t scheme = 0;
  for (const std::string_view known : {std::string_view("basic "), std::string_view("bearer ")}) {
    if (StartsWithIgnoringCase(rest, known)) scheme = known.size();
  }
  const size_t end_of_value = rest.find_first_of(quoted ? "\"" : "& \t\"',;)", scheme);
  return {from - at, std::min(end_of_value, rest.size())};
}

// At `://`: `user:password@`.
Cut UserInfo(std::string_view text) {
  if (text.substr(0, 3) != "://") return {};
  const std::string_view authority = text.substr(3, text.substr(3).find_first_of("/?# \"'"));
  const size_t user = authority.rfind('@');
  return user == std::string_view::npos ? Cut{} : Cut{3, user};
}

Cut CutAt(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at);
  const bool word_begins = at == 0 || !IsNameChar(text[at - 1]);
  switch (text[at]) {
    case 'e': return rest.substr(0, 3) == "eyJ" ? JsonWebToken(rest) : Cut{};
    case 'b':
    case 'B': {
      if (!word_begins) return {};
      const Cut bearer = Scheme(rest, "bearer ");
      return bearer.size > 0 ? bearer : Scheme(rest, "basic ");
    }
    case '=': return Value(text, at);
    case ':': {
      const Cut user = UserInfo(rest);
      return user.size > 0 ? user : Value(text, at);
    }
    case 'd':
    case 'A':
    case 'g': return word_begins ? KnownPrefix(rest) : Cut{};
    default: return {};
  }
}

}  // namespace

bool HoldsSecret(std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (CutAt(text, at).size > 0) return true;
  }
  return false;
}

void AppendRedacted(std::string_view text, std::string* out) {
  size_t kept = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const Cut cut = CutAt(text, at);
    if (cut.size == 0) continue;
    out->append(text.substr(kept, at + cut.skip - kept));
    out->append(kMark);
    kept = at + cut.skip + cut.size;
    at = kept - 1;
  }
  out->append(text.substr(kept));
}

std::string Redacted(std::string_view text) {
  std::string out;
  AppendRedacted(text, &out);
  return out;
}

}  // namespace stratus::core
