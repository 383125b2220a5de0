#include "lib/telemetry/daemon_address.h"

#include "gtest/gtest.h"

namespace stratus::telemetry {
namespace {

TEST(DaemonAddress, IsOneForBoth) {
  const auto address = ParseDaemonAddress("xray.internal:2000");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->udp.ToString(), "xray.internal:2000");
  EXPECT_EQ(address->tcp.ToString(), "xray.internal:2000");
}

TEST(DaemonAddress, NamesBothInEitherOrder) {
  for (const char* text : {"tcp:10.0.0.1:2001 udp:10.0.0.2:2000", " udp:10.0.0.2:2000  tcp:10.0.0.1:2001 "}) {
    const auto address = ParseDaemonAddress(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->udp.ToString(), "10.0.0.2:2000");
    EXPECT_EQ(address->tcp.ToString(), "10.0.0.1:2001");
  }
}

TEST(DaemonAddress, TakesIpv6InBrackets) {
  const auto address = ParseDaemonAddress("[::1]:2000");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->udp.host, "::1");
  EXPECT_EQ(address->udp.ToString(), "[::1]:2000");
}

TEST(DaemonAddress, RefusesEverythingElse) {
  for (const char* text : {"", "host", "host:", ":2000", "host:0", "host:65536", "host:-1", "host:2000x",
                           "http://host:2000", "::1:2000", "tcp:host:2000", "tcp:a:1 tcp:b:2", "udp:a:1 udp:b:2",
                           "tcp:a:1 udp:b:2 udp:c:3", "a:1 b:2", "user@host:2000"}) {
    EXPECT_FALSE(ParseDaemonAddress(text).ok()) << text;
  }
}

}  // namespace
}  // namespace stratus::telemetry
