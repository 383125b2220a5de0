#include "services/provisioning/egress/address_rules.h"

#include <gmock/gmock.h>

namespace stratus::provisioning::egress {
namespace {

using testing::Contains;

struct Case {
  const char* address;
  AddressClass kind;
};

class Classes : public testing::TestWithParam<Case> {};

TEST_P(Classes, AreToldByTheNumber) {
  const auto address = ParseAddress(GetParam().address);
  ASSERT_TRUE(address) << GetParam().address;
  EXPECT_EQ(ClassName(Classify(*address)), ClassName(GetParam().kind)) << GetParam().address;
}

constexpr AddressClass kPublic = AddressClass::kPublic;
constexpr AddressClass kPrivate = AddressClass::kPrivate;
constexpr AddressClass kLoopback = AddressClass::kLoopback;
constexpr AddressClass kUnspecified = AddressClass::kUnspecified;
constexpr AddressClass kLinkLocal = AddressClass::kLinkLocal;
constexpr AddressClass kMetadata = AddressClass::kMetadata;
constexpr AddressClass kMulticast = AddressClass::kMulticast;
constexpr AddressClass kReserved = AddressClass::kReserved;
constexpr AddressClass kTransition = AddressClass::kTransition;

INSTANTIATE_TEST_SUITE_P(Ipv4, Classes,
                         testing::ValuesIn<Case>({
                             {"1.1.1.1", kPublic},
                             {"9.255.255.255", kPublic},
                             {"11.0.0.0", kPublic},
                             {"100.63.255.255", kPublic},
                             {"100.128.0.0", kPublic},
                             {"126.255.255.255", kPublic},
                             {"128.0.0.1", kPublic},
                             {"168.63.129.15", kPublic},
                             {"169.253.255.255", kPublic},
                             {"172.15.255.255", kPublic},
                             {"172.32.0.0", kPublic},
                             {"192.167.255.255", kPublic},
                             {"223.255.255.255", kPublic},
                             {"10.0.0.0", kPrivate},
                             {"10.255.255.255", kPrivate},
                             {"100.64.0.1", kPrivate},
                             {"172.16.0.1", kPrivate},
                             {"172.31.255.255", kPrivate},
                             {"192.168.1.1", kPrivate},
                             {"198.19.255.255", kPrivate},
                             {"0.0.0.0", kUnspecified},
                             {"0.1.2.3", kUnspecified},
                             {"127.0.0.1", kLoopback},
                             {"127.255.255.254", kLoopback},
                             {"169.254.0.1", kLinkLocal},
                             {"169.254.170.2", kLinkLocal},
                             {"169.254.169.254", kMetadata},
                             {"168.63.129.16", kMetadata},
                             {"100.100.100.200", kMetadata},
                             {"192.0.0.192", kMetadata},
                             {"192.0.0.1", kReserved},
                             {"192.0.2.1", kReserved},
                             {"203.0.113.9", kReserved},
                             {"240.0.0.1", kReserved},
                             {"255.255.255.255", kReserved},
                             {"224.0.0.1", kMulticast},
                             {"239.255.255.255", kMulticast},
                             {"192.88.99.1", kTransition},
                         }));

INSTANTIATE_TEST_SUITE_P(Ipv6, Classes,
                         testing::ValuesIn<Case>({
                             {"2606:4700::1111", kPublic},
                             {"2a00::1", kPublic},
                             {"::", kUnspecified},
                             {"::1", kLoopback},
                             {"fe80::1", kLinkLocal},
                             {"febf::1", kLinkLocal},
                             {"fec0::1", kReserved},
                             {"fc00::1", kPrivate},
                             {"fdff::1", kPrivate},
                             {"fd00:ec2::254", kMetadata},
                             {"fd20:ce::254", kMetadata},
                             {"ff02::1", kMulticast},
                             {"2001:db8::1", kReserved},
                             {"100::1", kReserved},
                         }));

// Every form in which an IPv6 address carries an IPv4 one.
INSTANTIATE_TEST_SUITE_P(Ipv4WithinIpv6, Classes,
                         testing::ValuesIn<Case>({
                             {"::ffff:127.0.0.1", kLoopback},
                             {"::ffff:7f00:1", kLoopback},
                             {"::ffff:169.254.169.254", kMetadata},
                             {"::ffff:10.0.0.1", kPrivate},
                             {"::ffff:0.0.0.0", kUnspecified},
                             {"::ffff:1.1.1.1", kPublic},
                             {"::127.0.0.1", kTransition},
                             {"::1.1.1.1", kTransition},
                             {"::ffff:0:127.0.0.1", kTransition},
                             {"64:ff9b::127.0.0.1", kLoopback},
                             {"64:ff9b::169.254.169.254", kMetadata},
                             {"64:ff9b::10.0.0.1", kPrivate},
                             {"64:ff9b::1.1.1.1", kPublic},
                             {"64:ff9b:1::127.0.0.1", kTransition},
                             {"2002:7f00:1::1", kTransition},
                             {"2002:a9fe:a9fe::", kTransition},
                             {"2001:0:7f00:1::", kTransition},
                             {"2001::80ff:fffe", kTransition},
                             {"2606:4700::5efe:127.0.0.1", kTransition},
                             {"2606:4700::200:5efe:a00:1", kTransition},
                             {"fd12::5efe:127.0.0.1", kTransition},
                         }));

TEST(Judge, OpensPrivateNetworksThatTheOperatorPermitsAndNothingElse) {
  const std::vector<Network> permitted = {*ParseNetwork("0.0.0.0/0"), *ParseNetwork("::/0")};
  for (const char* open : {"10.0.0.1", "192.168.0.1", "fd12::1", "64:ff9b::10.0.0.1"}) {
    EXPECT_EQ(Judge(*ParseAddress(open), permitted, {}), AddressClass::kPublic) << open;
  }
  for (const char* shut : {"127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200",
                           "0.0.0.0", "fe80::1", "224.0.0.1", "2002:a00:1::1", "::ffff:127.0.0.1"}) {
    EXPECT_NE(Judge(*ParseAddress(shut), permitted, {}), AddressClass::kPublic) << shut;
  }
  EXPECT_EQ(Judge(*ParseAddress("10.1.0.1"), {*ParseNetwork("10.0.0.0/16")}, {}), AddressClass::kPrivate);
}

TEST(Judge, NeverOpensTheMachinesOwnAddresses) {
  const Address own = *ParseAddress("198.51.100.7");
  const Address open_too = *ParseAddress("8.8.4.4");
  for (const char* form : {"8.8.4.4", "::ffff:8.8.4.4", "64:ff9b::8.8.4.4"}) {
    EXPECT_EQ(Judge(*ParseAddress(form), {}, {own, open_too}), AddressClass::kHost) << form;
  }
}

TEST(HostAddresses, HasTheLoopback) {
  const auto own = HostAddresses();
  ASSERT_TRUE(own);
  EXPECT_THAT(*own, Contains(*ParseAddress("127.0.0.1")));
}

TEST(ParseAddress, TakesOneFormOnly) {
  for (const char* text : {"", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1 ", "127.0.0.1.",
                           "fe80::1%lo", "[::1]", "1.2.3.4/8", "::1::"}) {
    EXPECT_FALSE(ParseAddress(text)) << text;
  }
  EXPECT_FALSE(ParseAddress(std::string_view("127.0.0.1\0x", 11)));
  EXPECT_EQ(ToText(*ParseAddress("::ffff:7f00:1")), "127.0.0.1");
}

TEST(ParseNetwork, RefusesWhatIsNoPrefix) {
  for (const char* text :
       {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8 ", "::/129", "fd00::1/8", "x/8"}) {
    EXPECT_FALSE(ParseNetwork(text)) << text;
  }
  EXPECT_EQ(ToText(*ParseNetwork("10.0.0.0/8")), "10.0.0.0/8");
  EXPECT_EQ(ToText(*ParseNetwork("fd00::/8")), "fd00::/8");
  EXPECT_EQ(ToText(*ParseNetwork("192.0.2.1")), "192.0.2.1/32");
}

}  // namespace
}  // namespace stratus::provisioning::egress
