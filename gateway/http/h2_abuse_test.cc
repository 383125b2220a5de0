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
