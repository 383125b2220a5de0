#include "gateway/proxy/trusted_proxies.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stratus::gateway::proxy {
namespace {

TrustedProxies Of(const std::vector<std::string>& networks) {
  TrustedProxies trusted;
  for (const std::string& network : networks) EXPECT_TRUE(trusted.Add(network).ok()) << network;
  return trusted;
}

// `said` has a value of X-Forwarded-For a line.
std::string Client(const TrustedProxies& trusted, std::string_view peer, const std::vector<std::string>& said) {
  std::vector<http::Header> headers = {{"host", "a"}};
  for (const std::string& value : said) headers.push_back({"x-forwarded-for", value});
  http::RequestHead head;
  head.peer = peer;
  head.headers = headers;
  return std::string(trusted.ClientOf(head));
}

bool Trusts(const TrustedProxies& trusted, std::string_view peer) {
  http::RequestHead head;
  head.peer = peer;
  return trusted.Trusts(head);
}

TEST(TrustedProxies, AreThoseOfTheirNetworks) {
  const TrustedProxies trusted = Of({"10.0.0.0/8", "192.168.4.0/22", "203.0.113.9", "fd00::/9", "::1"});
  for (const char* peer :
       {"10.255.0.1:1", "192.168.7.255:80", "203.0.113.9:1", "[fd7f::1]:9", "[::1]:443", "[::ffff:10.1.2.3]:5"}) {
    EXPECT_TRUE(Trusts(trusted, peer)) << peer;
  }
  for (const char* peer : {"11.0.0.1:1", "192.168.8.0:80", "203.0.113.8:1", "[fd80::1]:9", "[::2]:443", "unix:", ""}) {
    EXPECT_FALSE(Trusts(trusted, peer)) << peer;
  }
  EXPECT_TRUE(Trusts(Of({"unix"}), "unix:"));
  EXPECT_TRUE(Trusts(Of({"0.0.0.0/0"}), "8.8.8.8:1"));
  EXPECT_FALSE(Trusts(Of({"0.0.0.0/0"}), "[2001:db8::1]:1"));
  EXPECT_FALSE(Trusts(TrustedProxies(), "127.0.0.1:1"));
}

TEST(TrustedProxies, RefuseWhatIsNoNetwork) {
  for (const char* text : {"", "10", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "fd00::/129",
                           "a.example", "10.0.0.1:80", "/8"}) {
    TrustedProxies trusted;
    EXPECT_FALSE(trusted.Add(text).ok()) << text;
  }
}

TEST(TrustedProxies, TheClientIsTheLastOneWhoIsNoneOfThem) {
  const TrustedProxies trusted = Of({"10.0.0.0/8"});
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {"6.6.6.6, 192.0.2.7, 10.9.9.9"}), "192.0.2.7");
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {"6.6.6.6", "192.0.2.7,10.9.9.9"}), "192.0.2.7");
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {"192.0.2.7:4711"}), "192.0.2.7");
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {"[2001:db8::1]:4711"}), "2001:db8::1");
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {"10.1.1.1"}), "10.1.1.1");
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {}), "10.0.0.1:80");
}

TEST(TrustedProxies, OthersAreNotHeard) {
  const TrustedProxies trusted = Of({"10.0.0.0/8"});
  EXPECT_EQ(Client(trusted, "192.0.2.7:80", {"6.6.6.6"}), "192.0.2.7:80");
  // A client that the proxy could not name, and one that made something up.
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {"6.6.6.6, unknown, 10.9.9.9"}), "10.9.9.9");
  EXPECT_EQ(Client(trusted, "10.0.0.1:80", {"6.6.6.6, "}), "10.0.0.1:80");
}

}  // namespace
}  // namespace stratus::gateway::proxy
