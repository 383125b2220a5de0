// REDIS_URL, as redis-cli and the client libraries write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::weather {

struct RedisAddress {
  std::string host;
  uint16_t port = 6379;
  std::string unix_path;  // set for a Unix socket alone
  std::string user;
  std::string password;  // never logged
  int database = 0;
};

// `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, or `unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]`. `rediss://` is
// refused: hiredis of this age speaks no TLS. Errors never repeat the URL, which may hold a password.
absl::StatusOr<RedisAddress> ParseRedisUrl(std::string_view url);

}  // namespace stratus::weather
