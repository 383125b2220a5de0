#include "services/weather/service/redis_url.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/core/status.h"

namespace stratus::weather {
namespace {

constexpr int kDatabaseMax = 1023;
constexpr size_t kUnixPathMax = 107;  // sockaddr_un

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("REDIS_URL: ", core::ToAbsl(what)));
}

absl::StatusOr<std::string> PercentDecoded(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t byte = 0;
    if (text[i] != '%') {
      decoded += text[i];
    } else if (i + 2 < text.size() && absl::SimpleHexAtoi(text.substr(i + 1, 2), &byte)) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      return Bad("a % in the user or the password has to be followed by two hex digits");
    }
  }
  return decoded;
}

// Takes `USER:PASSWORD@` off the front.
absl::Status ReadUserInfo(absl::string_view* rest, RedisAddress* address) {
  const size_t at = rest->rfind('@');
  if (at == absl::string_view::npos) return absl::OkStatus();
  const absl::string_view info = rest->substr(0, at);
  rest->remove_prefix(at + 1);
  const size_t colon = info.find(':');
  const auto user = PercentDecoded(info.substr(0, colon));
  const auto password = PercentDecoded(colon == absl::string_view::npos ? absl::string_view() : info.substr(colon + 1));
  if (!user.ok()) return user.status();
  if (!password.ok()) return password.status();
  address->user = *user;
  address->password = *password;
  return absl::OkStatus();
}

bool ReadDatabase(absl::string_view text, RedisAddress* address) {
  return absl::SimpleAtoi(text, &address->database) && address->database >= 0 && address->database <= kDatabaseMax;
}

absl::StatusOr<RedisAddress> ReadTcp(absl::string_view rest) {
  RedisAddress address;
  if (absl::Status status = ReadUserInfo(&rest, &address); !status.ok()) return status;
  if (const size_t slash = rest.find('/'); slash != absl::string_view::npos) {
    const absl::string_view database = rest.substr(slash + 1);
    if (!database.empty() && !ReadDatabase(database, &address)) return Bad("expected a database number after the host");
    rest = rest.substr(0, slash);
  }
  if (const size_t colon = rest.rfind(':'); colon != absl::string_view::npos && !absl::EndsWith(rest, "]")) {
    int port = 0;
    if (!absl::SimpleAtoi(rest.substr(colon + 1), &port) || port < 1 || port > 65535) return Bad("the port is wrong");
    address.port = static_cast<uint16_t>(port);
    rest = rest.substr(0, colon);
  }
  if (absl::ConsumePrefix(&rest, "[")) absl::ConsumeSuffix(&rest, "]");
  if (rest.empty()) return Bad("the host is missing");
  address.host = std::string(rest);
  return address;
}

absl::StatusOr<RedisAddress> ReadUnix(absl::string_view rest) {
  RedisAddress address;
  if (absl::Status status = ReadUserInfo(&rest, &address); !status.ok()) return status;
  if (const size_t query = rest.find("?db="); query != absl::string_view::npos) {
    if (!ReadDatabase(rest.substr(query + 4), &address)) return Bad("expected a number after ?db=");
    rest = rest.substr(0, query);
  }
  if (!absl::StartsWith(rest, "/") || rest.size() > kUnixPathMax) return Bad("expected an absolute path after unix://");
  address.unix_path = std::string(rest);
  return address;
}

}  // namespace

absl::StatusOr<RedisAddress> ParseRedisUrl(std::string_view url) {
  absl::string_view rest = core::ToAbsl(url);
  if (absl::ConsumePrefix(&rest, "redis://")) return ReadTcp(rest);
  if (absl::ConsumePrefix(&rest, "unix://")) return ReadUnix(rest);
  if (absl::StartsWith(rest, "rediss://")) return Bad("rediss:// is not supported; put a TLS proxy in front of Redis");
  return Bad("expected redis://HOST:PORT or unix:///PATH");
}

}  // namespace stratus::weather
