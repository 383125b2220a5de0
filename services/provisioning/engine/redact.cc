#include "services/provisioning/engine/redact.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/log.h"

namespace stratus::provisioning::engine {
namespace {

constexpr size_t kSecretBytesMin = 4;
constexpr std::string_view kInstead = "(redacted)";

std::string JsonEscaped(std::string_view secret) {
  std::string escaped;
  core::AppendJsonString(&escaped, secret);
  return escaped.substr(1, escaped.size() - 2);
}

// As Go's encoder writes it, which also escapes what means something to HTML.
std::string GoJsonEscaped(std::string_view secret) {
  std::string escaped;
  for (const char c : JsonEscaped(secret)) {
    if (c == '<' || c == '>' || c == '&') {
      absl::StrAppend(&escaped, "\\u00", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string PercentEscaped(std::string_view secret) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : secret) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~') {
      escaped += c;
    } else {
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

}  // namespace

Redactor::Redactor(std::vector<std::string> secrets) {
  for (const std::string& secret : secrets) {
    if (secret.size() < kSecretBytesMin) continue;
    for (const std::string& form : {secret, JsonEscaped(secret), GoJsonEscaped(secret), PercentEscaped(secret)}) {
      secrets_.push_back(form);
    }
  }
  std::sort(secrets_.begin(), secrets_.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  secrets_.erase(std::unique(secrets_.begin(), secrets_.end()), secrets_.end());
}

std::string Redactor::Apply(std::string_view text) const {
  std::string out(text);
  for (const std::string& secret : secrets_) {
    for (size_t at = out.find(secret); at != std::string::npos; at = out.find(secret, at + kInstead.size())) {
      out.replace(at, secret.size(), kInstead);
    }
  }
  return out;
}

}  // namespace stratus::provisioning::engine
