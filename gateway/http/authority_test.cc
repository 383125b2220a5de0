#include "gateway/http/authority.h"

#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

TEST(Authority, TakesHostsWithAndWithoutPort) {
  for (const char* good : {"", "a", "a.example", "a.example:", "a.example:80", "127.0.0.1:65535", "[::1]", "[::1]:8080",
                           "[2001:db8::1]:", "x%2Dy", "under_score", "[::ffff:1.2.3.4]:1"}) {
    EXPECT_TRUE(IsAuthority(good)) << good;
  }
}

TEST(Authority, RefusesWhatTwoReadersCouldTakeDifferently) {
  for (const char* bad : {"x:port", "x:80:80", "x:65536", "x:+80", "[::1", "::1",          "[::1]80", "[::1]]", "[]",
                          "[x]",    "]",       "[v1.x]",  ":80",   "a b",  "a/b",          "user@a",  "a@b:80", "a%2",
                          "a%zz",   "a?b",     "a#b",     "a\\b",  "<a>",  "[::1%25eth0]", "\xc3\xa9"}) {
    EXPECT_FALSE(IsAuthority(bad)) << bad;
  }
}

}  // namespace
}  // namespace stratus::gateway::http
