#include "gateway/http/connection_quota.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>

#include "gateway/http/limits.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using Verdict = ConnectionQuota::Verdict;

sockaddr_storage Peer(const std::string& address) {
  sockaddr_storage peer = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(peer);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(peer);
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    peer.ss_family = AF_INET;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    peer.ss_family = AF_INET6;
  }
  return peer;
}

Limits Of(uint32_t connections, uint32_t of_address) {
  Limits limits;
  limits.connections_max = connections;
  limits.connections_per_address_max = of_address;
  return limits;
}

TEST(ConnectionQuota, CountsByAddressAndByNetworkOfIpv6) {
  const ConnectionQuota quota(Of(10, 1));
  const auto of = [&quota](const std::string& address) { return quota.AddressOf(Peer(address), address); };
  EXPECT_NE(of("10.0.0.1"), of("10.0.0.2"));
  EXPECT_EQ(of("2001:db8::1"), of("2001:db8::ffff:1"));
  EXPECT_NE(of("2001:db8::1"), of("2001:db8:0:1::1"));
  // Through a socket that takes both.
  EXPECT_EQ(of("::ffff:10.0.0.1"), of("10.0.0.1"));
  EXPECT_NE(of("::ffff:10.0.0.1"), of("::ffff:10.0.0.2"));
  EXPECT_NE(of("::1"), ConnectionQuota::kUncounted);
  EXPECT_EQ(of("unix:"), ConnectionQuota::kUncounted);
}

TEST(ConnectionQuota, KeepsBothLimitsAndForgetsWhoHasGone) {
  ConnectionQuota quota(Of(3, 2));
  EXPECT_EQ(quota.Take(1), Verdict::kTaken);
  EXPECT_EQ(quota.Take(1), Verdict::kTaken);
  EXPECT_EQ(quota.Take(1), Verdict::kAddressFull);
  EXPECT_EQ(quota.Take(2), Verdict::kTaken);
  EXPECT_EQ(quota.Take(3), Verdict::kFull);
  quota.Give(3);
  quota.Give(1);
  EXPECT_EQ(quota.Take(1), Verdict::kTaken);
  EXPECT_EQ(quota.Take(ConnectionQuota::kUncounted), Verdict::kFull);
}

TEST(ConnectionQuota, DoesNotCountProxies) {
  const ConnectionQuota quota(Of(10, 1), [](std::string_view peer) { return peer == "10.0.0.9:1"; });
  EXPECT_EQ(quota.AddressOf(Peer("10.0.0.9"), "10.0.0.9:1"), ConnectionQuota::kUncounted);
  EXPECT_NE(quota.AddressOf(Peer("10.0.0.8"), "10.0.0.8:1"), ConnectionQuota::kUncounted);
}

TEST(ConnectionQuota, GivesAnAddressAQuarterByDefault) {
  ConnectionQuota quota(Of(8, 0));
  EXPECT_EQ(quota.Take(1), Verdict::kTaken);
  EXPECT_EQ(quota.Take(1), Verdict::kTaken);
  EXPECT_EQ(quota.Take(1), Verdict::kAddressFull);
}

}  // namespace
}  // namespace stratus::gateway::http
