// What a hostile or broken HTTP/2 client gets, and how a connection ends.
#include <string>

#include "gateway/http/testing/h2_client.h"
#include "gateway/http/testing/test_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using testing::H2Client;
using testing::TestServer;

TEST(H2Limits, AreAnnounced) {
  Limits limits;
  limits.streams_per_connection_max = 7;
  limits.header_bytes_max = 2000;
  TestServer server(limits);
  H2Client client(server.address());
  client.Get("/hello");
  const auto settings = client.settings();
  EXPECT_EQ(settings.at(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 7u);
  EXPECT_EQ(settings.at(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE), 2000u);
  EXPECT_EQ(settings.at(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE), 1u << 20);
}

TEST(H2Limits, RefuseLargeAndManyHeaders) {
  Limits limits;
  limits.header_bytes_max = 2000;
  limits.headers_max = 20;
  TestServer server(limits);
  H2Client client(server.address());
  const int32_t large = client.Request("GET", "/hello", {{"x", std::string(2000, 'x')}});
  H2Client::Fields fields;
  for (int i = 0; i < 20; ++i) fields.emplace_back("x", "y");
  const int32_t many = client.Request("GET", "/hello", fields);
  ASSERT_TRUE(client.WaitForClose(large) && client.WaitForClose(many));
  EXPECT_EQ(client.response(large).status(), 431);
  EXPECT_EQ(client.response(many).status(), 431);
  EXPECT_EQ(client.Get("/hello").body, "hello");
}

TEST(H2Limits, RefuseStreamsOverTheirNumber) {
  Limits limits;
  limits.streams_per_connection_max = 3;
  TestServer server(limits);
  H2Client client(server.address());
  for (int i = 0; i < 3; ++i) client.Request("GET", "/hold");
  // Before the client can know the limit.
  const int32_t refused = client.Request("GET", "/hold");
  ASSERT_TRUE(client.WaitForClose(refused));
  EXPECT_EQ(client.response(refused).error, uint32_t{NGHTTP2_REFUSED_STREAM});
  EXPECT_EQ(server.log().Count("/hold begin"), 3);
}

TEST(H2Abuse, MalformedRequestsAreRefused) {
  TestServer server;
  H2Client client(server.address());
  const struct {
    const char* name;
    H2Client::Fields fields;
  } kCases[] = {
      {"connection header", {{"connection", "close"}}},
      {"transfer-encoding", {{"transfer-encoding", "chunked"}}},
      {"te other than trailers", {{"te", "gzip"}}},
      {"space in a name", {{"x y", "x"}}},
      {"line break in a value", {{"x", "a\r\nb"}}},
      {"pseudo-header after others", {{"x", "y"}, {":late", "z"}}},
      {"two lengths", {{"content-length", "1"}, {"content-length", "2"}}},
      {"no path", {{":path", ""}}},
      {"path without slash", {{":path", "hello"}}},
      {"no method", {{":method", ""}}},
  };
  for (const auto& one : kCases) {
    const int32_t stream = client.Request("GET", "/hold", one.fields);
    ASSERT_TRUE(client.WaitForClose(stream)) << one.name;
    const auto& response = client.response(stream);
    EXPECT_TRUE(response.status() == 400 || response.error == NGHTTP2_PROTOCOL_ERROR) << one.name;
  }
  EXPECT_EQ(server.log().Count("/hold begin"), 0);
  EXPECT_EQ(client.Get("/hello").body, "hello");
}

TEST(H2Abuse, ConnectIsRefusedAndAsteriskAnswered) {
  TestServer server;
  H2Client client(server.address());
  const int32_t connect = client.Request("CONNECT", "", {{":scheme", ""}, {":path", ""}});
  const int32_t options = client.Request("OPTIONS", "*");
  ASSERT_TRUE(client.WaitForClose(connect) && client.WaitForClose(options));
  EXPECT_EQ(client.response(connect).status(), 405);
  EXPECT_EQ(client.response(options).status(), 204);
}

TEST(H2Abuse, RapidResetEndsTheConnection) {
  TestServer server;
  H2Client client(server.address());
  for (int i = 0; i < 5000; ++i) {
    const int32_t stream = client.Request("GET", "/hold");
    client.Flush();
    client.Reset(stream);
    if (!client.Flush()) break;
  }
  client.WaitForEnd();
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  // No more than the budget, and what came in while it was refilled.
  EXPECT_LT(server.log().Count("/hold begin"), 1000);
  EXPECT_TRUE(server.log().WaitFor("/hold abort", server.log().Count("/hold begin")));
}

TEST(H2Abuse, FloodsOfEmptyFramesEndTheConnection) {
  TestServer server;
  const std::string kEmptyData("\0\0\0\0\0\0\0\0\1", 9);
  const std::string kPing = std::string("\0\0\x8\6\0\0\0\0\0", 9) + "12345678";
  const std::string kSettings("\0\0\0\4\0\0\0\0\0", 9);
  const std::string kWindow("\0\0\4\x8\0\0\0\0\1\0\0\0\1", 13);
  const std::string kPriority("\0\0\5\2\0\0\0\0\1\0\0\0\0\1", 14);
  for (const std::string& frame : {kEmptyData, kPing, kSettings, kWindow, kPriority}) {
    H2Client client(server.address());
    const int32_t stream = client.Request("POST", "/hold", {}, "x", /*keep_open=*/true);
    ASSERT_EQ(stream, 1);
    client.Flush();
    std::string flood;
    for (int i = 0; i < 5000; ++i) flood += frame;
    client.socket().Send(flood);
    client.WaitForEnd();
    EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM}) << "frame type " << int{frame[3]};
  }
}

// Each asks for a stream, and has the server reset it.
TEST(H2Abuse, ResetsThatTheClientBringsAboutEndTheConnection) {
  TestServer server;
  const std::string window_overflow("\0\0\4\x8\0\0\0\0\0\x7f\xff\xff\xff", 13);
  const std::string more_than_its_length("\0\0\2\0\0\0\0\0\0xy", 11);
  for (std::string fault : {window_overflow, more_than_its_length}) {
    H2Client client(server.address());
    for (int i = 0; i < 5000; ++i) {
      const int32_t stream = client.Request("POST", "/hold", {{"content-length", "1"}}, "", /*keep_open=*/true);
      fault[7] = static_cast<char>(stream >> 8);
      fault[8] = static_cast<char>(stream);
      if (stream < 0 || !client.Flush() || !client.socket().Send(fault)) break;
    }
    client.WaitForEnd();
    EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM}) << int{fault[3]};
  }
  EXPECT_LT(server.log().Count("/hold begin"), 2 * 1000);
}

TEST(H2Abuse, AHeaderBlockFarOverItsSizeEndsTheConnection) {
  Limits limits;
  limits.header_bytes_max = 4096;
  TestServer server(limits);
  for (const bool trailers : {false, true}) {
    H2Client client(server.address());
    const int32_t last = client.Request("POST", "/hold", {}, "x", /*keep_open=*/true);
    client.Flush();
    ASSERT_TRUE(server.log().WaitFor("/hold body"));
    std::string bomb("\0\0\0\1\5\0\0\0\0", 9);
    std::string block = trailers ? std::string() : std::string("\x82\x84\x86\x41\x01z", 6);
    // Puts `x: yyy...` into the table, then names it again and again by a byte each.
    block += "\x40\x01x\x7f\xe9\x06" + std::string(1000, 'y') + std::string(400, '\xbe');
    bomb[1] = static_cast<char>(block.size() >> 8);
    bomb[2] = static_cast<char>(block.size());
    bomb[8] = static_cast<char>(trailers ? last : last + 2);
    client.socket().Send(bomb + block);
    client.WaitForEnd();
    EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM}) << trailers;
  }
}

TEST(H2Abuse, FramesThatCarryNextToNothingEndTheConnection) {
  TestServer server;
  const std::string one_byte("\0\0\1\0\0\0\0\0\1x", 10);
  const std::string padded = std::string("\0\0\x65\0\x8\0\0\0\1\x64", 10) + std::string(100, '\0');
  const std::string unknown("\0\0\0\xfe\0\0\0\0\0", 9);
  for (const std::string& frame : {one_byte, padded, unknown}) {
    H2Client client(server.address());
    client.Request("POST", "/hold", {}, "x", /*keep_open=*/true);
    client.Flush();
    std::string flood;
    for (int i = 0; i < 5000; ++i) flood += frame;
    client.socket().Send(flood);
    client.WaitForEnd();
    EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM}) << int{frame[3]};
  }
  // On a stream that has ended.
  H2Client client(server.address());
  client.Get("/hello");
  std::string flood;
  for (int i = 0; i < 5000; ++i) flood += one_byte;
  client.socket().Send(flood);
  client.WaitForEnd();
  EXPECT_TRUE(client.goaway().has_value());
}

TEST(H2Abuse, SmallMessagesOfAStreamAreNoFlood) {
  TestServer server;
  H2Client client(server.address());
  client.Request("POST", "/patient", {}, "x", /*keep_open=*/true);
  client.Flush();
  // The smallest gRPC messages that say something.
  const std::string frame("\0\0\x8\0\0\0\0\0\1\0\0\0\0\3abc", 17);
  std::string messages;
  for (int i = 0; i < 6000; ++i) messages += frame;
  client.socket().Send(messages);
  EXPECT_EQ(client.Get("/hello").body, "hello");
  EXPECT_FALSE(client.goaway().has_value()) << *client.goaway();
}

TEST(H2Abuse, MalformedAuthoritiesAreRefused) {
  TestServer server;
  H2Client client(server.address());
  for (const char* authority : {"x:port", "[::1", "x:80:80"}) {
    const int32_t stream = client.Request("GET", "/hello", {{":authority", authority}});
    ASSERT_TRUE(client.WaitForClose(stream));
    EXPECT_EQ(client.response(stream).status(), 400) << authority;
  }
}

TEST(H2Abuse, EndlessContinuationEndsTheConnection) {
  TestServer server;
  H2Client client(server.address());
  client.Get("/hello");
  // HEADERS without END_HEADERS, then CONTINUATION frames of one small indexed field each.
  std::string frames("\0\0\1\1\0\0\0\0\3\x82", 10);
  for (int i = 0; i < 1000; ++i) frames.append("\0\0\1\x9\0\0\0\0\3\x84", 10);
  client.socket().Send(frames);
  client.WaitForEnd();
  EXPECT_EQ(server.worker().stats().requests.load(), 1u);
}

TEST(H2Abuse, GarbageEndsTheConnection) {
  TestServer server;
  H2Client client(server.address());
  client.Get("/hello");
  // A frame over the maximum size.
  client.socket().Send(std::string("\xff\xff\xff\0\0\0\0\0\1", 9) + std::string(1000, 'x'));
  client.WaitForEnd();
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_FRAME_SIZE_ERROR});
}

// Not so short that a busy machine's client would be late with what it sends in time.
Limits Short() {
  Limits limits;
  limits.header_timeout = absl::Milliseconds(250);
  limits.idle_timeout = absl::Milliseconds(250);
  limits.stall_timeout = absl::Milliseconds(250);
  return limits;
}

TEST(H2Timeouts, EndIdleConnections) {
  TestServer server(Short());
  H2Client client(server.address());
  EXPECT_EQ(client.Get("/hello").body, "hello");
  client.WaitForEnd();
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_NO_ERROR});
}

TEST(H2Timeouts, EndAHeadThatNeverEnds) {
  TestServer server(Short());
  H2Client client(server.address());
  client.Get("/hello");
  client.Request("GET", "/hold");
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/hold begin"));
  client.socket().Send(std::string("\0\0\1\1\0\0\0\0\5\x82", 10));
  client.WaitForEnd();
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST(H2Timeouts, EndTrailersThatNeverEnd) {
  TestServer server(Short());
  H2Client client(server.address());
  client.Get("/hello");
  client.Request("POST", "/patient", {}, "x", /*keep_open=*/true);
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/patient body"));
  client.socket().Send(std::string("\0\0\5\1\1\0\0\0\3\0\1a\1b", 14));
  client.WaitForEnd();
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST(H2Timeouts, EndABodyThatStops) {
  Limits limits = Short();
  limits.idle_timeout = absl::Minutes(1);
  limits.slow_grace = absl::Seconds(1);
  TestServer server(limits);
  H2Client client(server.address());
  const int32_t stream = client.Request("POST", "/hold", {}, "x", /*keep_open=*/true);
  const int32_t patient = client.Request("POST", "/patient", {}, "x", /*keep_open=*/true);
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).status(), 408);
  EXPECT_TRUE(server.log().WaitFor("/hold abort"));
  EXPECT_FALSE(client.response(patient).closed);
  EXPECT_EQ(server.worker().stats().slow_bodies.load(), 1u);
}

TEST(H2Timeouts, ResetAReplyThatIsTakenByteByByte) {
  Limits limits = Short();
  limits.idle_timeout = absl::Minutes(1);
  limits.slow_grace = absl::Seconds(1);
  TestServer server(limits);
  H2Client client(server.address(), {.stream_window = 10, .auto_window = false});
  const int32_t stream = client.Request("POST", "/echo", {}, std::string(1000, 'x'));
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).error, uint32_t{NGHTTP2_CANCEL});
  EXPECT_EQ(client.response(stream).body.size(), 10u);
  EXPECT_EQ(server.worker().stats().slow_readers.load(), 1u);
}

TEST(H2Timeouts, ResetAStreamWhoseWindowStaysShut) {
  TestServer server(Short());
  H2Client client(server.address(), {.stream_window = 10, .auto_window = false});
  const int32_t stream = client.Request("GET", "/stream/1000");
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).error, uint32_t{NGHTTP2_CANCEL});
  EXPECT_EQ(client.response(stream).body.size(), 10u);
}

TEST(H2Drain, LetsExchangesEndThenGoesAway) {
  Limits limits;
  limits.header_timeout = absl::Milliseconds(250);  // sets the length of a tick
  TestServer server(limits);
  H2Client client(server.address());
  const int32_t stream = client.Request("POST", "/hoard", {}, "abc");
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/hoard end"));
  server.worker().Drain(absl::Minutes(1));
  ASSERT_TRUE(client.WaitUntil([&] { return client.goaway().has_value(); }));
  EXPECT_EQ(client.goaway_stream(), 0x7fffffff);
  ASSERT_TRUE(client.WaitUntil([&] { return client.goaway_stream() == stream; }));
  server.Release();
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).body, "3");
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_NO_ERROR});
  client.WaitForEnd();
  server.worker().Join();
}

TEST(H2Drain, CutsWhatIsLeftAtTheDeadline) {
  TestServer server(Short());
  H2Client client(server.address());
  client.Request("GET", "/hold");
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/hold begin"));
  server.worker().Drain(absl::Milliseconds(1));
  client.WaitForEnd();
  server.worker().Join();
  EXPECT_EQ(server.log().Count("/hold abort"), 1);
}

}  // namespace
}  // namespace stratus::gateway::http
