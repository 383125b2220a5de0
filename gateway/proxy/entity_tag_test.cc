#include "gateway/proxy/entity_tag.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace stratus::gateway::proxy {
namespace {

TEST(Fingerprint, TellsBytesThatDifferAnywhere) {
  std::set<uint64_t> seen;
  size_t count = 0;
  for (size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (size_t at = 0; at <= size; ++at, ++count) {
      seen.insert(Fingerprint(bytes, 1));
      if (at < size) bytes[at] = 'x';
    }
  }
  EXPECT_EQ(seen.size(), count);
  EXPECT_NE(Fingerprint("a", 1), Fingerprint("a", 2));
}

// Replicas, and versions of the gateway, must agree.
TEST(Fingerprint, IsTheSameEverywhere) {
  EXPECT_EQ(Fingerprint("", 0), 8457558425137809152u);
  EXPECT_EQ(Fingerprint(std::string(200, 'x'), 7), 15667194248709858893u);
  EXPECT_EQ(Fingerprint("the quick brown fox jumps over the lazy dog", 42), 17675201152355312833u);
}

TEST(EntityTag, HasTheFormOfAWeakOne) {
  char room[kEntityTagSize];
  EXPECT_EQ(WriteEntityTag(0x0123456789abcdef, room), "W/\"0123456789abcdef\"");
}

bool NotModified(std::string_view if_none_match, std::string_view tag) {
  const http::Header headers[] = {{"accept", "*/*"}, {"if-none-match", if_none_match}};
  http::RequestHead head;
  head.headers = headers;
  return IsNotModified(head, tag);
}

TEST(EntityTag, IsComparedWeakly) {
  for (const char* list : {"\"a\"", "W/\"a\"", "*", "\"x\", W/\"a\"", "\"x,y\",\"a\"", " * "}) {
    EXPECT_TRUE(NotModified(list, "W/\"a\"")) << list;
    EXPECT_TRUE(NotModified(list, "\"a\"")) << list;
  }
  for (const char* list : {"", "a", "\"b\"", "\"a", "\"*\"", "\"b\", \"a b\"", "W/a"}) {
    EXPECT_FALSE(NotModified(list, "W/\"a\"")) << list;
  }
  EXPECT_FALSE(IsNotModified(http::RequestHead(), "\"a\""));
}

}  // namespace
}  // namespace stratus::gateway::proxy
