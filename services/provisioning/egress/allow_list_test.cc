#include "services/provisioning/egress/allow_list.h"

#include <gtest/gtest.h>

namespace stratus::provisioning::egress {
namespace {

bool Allows(const char* pattern, const char* authority) {
  const auto parsed = ParsePattern(pattern);
  const auto target = ParseTarget(authority, 0);
  EXPECT_TRUE(parsed) << pattern;
  EXPECT_TRUE(target) << authority;
  return parsed && target && Matches(*parsed, *target);
}

TEST(AllowList, AHostAloneMeansItsWebPorts) {
  EXPECT_TRUE(Allows("api.example.com", "api.example.com:443"));
  EXPECT_TRUE(Allows("api.example.com", "api.example.com:80"));
  EXPECT_FALSE(Allows("api.example.com", "api.example.com:22"));
  EXPECT_TRUE(Allows("api.example.com:22", "api.example.com:22"));
  EXPECT_FALSE(Allows("api.example.com:22", "api.example.com:443"));
}

TEST(AllowList, NamesAreComparedAsResolversReadThem) {
  EXPECT_TRUE(Allows("API.Example.com", "api.example.COM.:443"));
  EXPECT_FALSE(Allows("example.com", "api.example.com:443"));
  EXPECT_FALSE(Allows("api.example.com", "api.example.com.evil.net:443"));
}

TEST(AllowList, AStarStandsForNamesBelowAHost) {
  EXPECT_TRUE(Allows("*.example.com", "a.example.com:443"));
  EXPECT_TRUE(Allows("*.example.com", "a.b.example.com:443"));
  EXPECT_FALSE(Allows("*.example.com", "example.com:443"));
  EXPECT_FALSE(Allows("*.example.com", "evilexample.com:443"));
  EXPECT_TRUE(Allows("*", "anything.net:443"));
  EXPECT_FALSE(Allows("*", "anything.net:25"));
}

TEST(AllowList, AnAddressIsAllowedAsItselfOnly) {
  EXPECT_FALSE(Allows("*", "192.0.2.1:443"));
  EXPECT_FALSE(Allows("*", "[2001:db8::1]:443"));
  EXPECT_TRUE(Allows("192.0.2.1", "192.0.2.1:443"));
  EXPECT_TRUE(Allows("192.0.2.1", "[::ffff:192.0.2.1]:443"));
  EXPECT_TRUE(Allows("[2001:db8::1]:8443", "[2001:DB8:0::1]:8443"));
}

TEST(ParseTarget, RefusesNamesThatResolversReadAsAddresses) {
  for (const char* authority :
       {"127.1:80", "2130706433:80", "0x7f.1:80", "0x7f000001:80", "0177.0.0.1:80", "1.2.3.4.5:80", "foo.0x7f:80"}) {
    EXPECT_FALSE(ParseTarget(authority, 0)) << authority;
  }
}

TEST(ParseTarget, RefusesWhatIsNoAuthority) {
  for (const char* authority : {"", ":443", "a.com", "a.com:", "a.com:0", "a.com:65536", "a.com:44x", "a.com:443:1",
                                "user@a.com:443", "a..com:443", ".:443", "a com:443", "a\r\n.com:443", "[::1:443",
                                "[a.com]:443", "[::1]443", "::1:443", "a.com/x:443", "%61.com:443"}) {
    EXPECT_FALSE(ParseTarget(authority, 0)) << authority;
  }
  EXPECT_FALSE(ParseTarget(std::string(254, 'a') + ":443", 0));
  EXPECT_FALSE(ParseTarget(std::string(64, 'a') + ".com:443", 0));
  EXPECT_EQ(ToText(*ParseTarget("[::1]", 80)), "[::1]:80");
}

TEST(ParsePattern, RefusesStarsElsewhere) {
  for (const char* text :
       {"", "a.*.com", "*a.com", "*.*.com", "**", "*.127.0.0.1", "*.[::1]", "*.", "http://a.com", "a.com/x"}) {
    EXPECT_FALSE(ParsePattern(text)) << text;
  }
  for (const char* text : {"*", "*:8443", "*.a.com", "a.com:1", "[2001:db8::1]:2", "192.0.2.1"}) {
    EXPECT_EQ(ToText(*ParsePattern(text)), text);
  }
}

}  // namespace
}  // namespace stratus::provisioning::egress
