// HTTP/2 over real sockets, from an nghttp2 client.
#include "gateway/http/h2_session.h"

#include <string>
#include <vector>

#include "gateway/http/testing/h2_client.h"
#include "gateway/http/testing/test_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using testing::H2Client;
using testing::H2Response;
using ::testing::HasSubstr;
using testing::TestClient;
using testing::TestServer;

TEST(H2Session, ServesBesideHttp1OnOnePort) {
  TestServer server;
  H2Client client(server.address());
  const H2Response response = client.Get("/hello");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.Header("content-length"), "5");
  EXPECT_EQ(response.Header("date").size(), 29u);
  TestClient http1(server.address());
  http1.Send("GET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_EQ(http1.Read().body, "hello");
}

TEST(H2Session, KnowsThePrefaceByteByByte) {
  TestServer server;
  TestClient client(server.address());
  client.SendByteByByte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  // The server's SETTINGS: type 4 on stream 0.
  std::string frame;
  while (frame.size() < 9) frame += client.ReadSome();
  EXPECT_EQ(frame[3], 4);
  EXPECT_EQ(frame.substr(5, 4), std::string(4, '\0'));
}

TEST(H2Session, RefusesWhatOnlyBeginsLikeThePreface) {
  TestServer server;
  TestClient http1(server.address());
  http1.Send("PRI * HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_EQ(http1.Read().status, 400);
  TestClient http2(server.address());
  http2.Send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n and more");
  EXPECT_THAT(http2.ReadToEnd(), ::testing::Not(HasSubstr("HTTP/1.1")));
}

TEST(H2Session, TellsTheHandlerWhatTheHeadSays) {
  TestServer server;
  H2Client client(server.address());
  const int32_t stream = client.Request("POST", "/head?a=1", {{"x-one", "1"}, {"x-one", "2"}}, "ok");
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).body,
            "protocol=HTTP/2\nmethod=POST\npath=/head\nquery=a=1\nauthority=a.example\npeer=127.0.0.1\n"
            "has_body=yes\ncontent_length=-1\nheader x-one=1\nheader x-one=2\n");
}

TEST(H2Session, TakesHostForAMissingAuthority) {
  TestServer server;
  H2Client client(server.address());
  const int32_t host = client.Request("GET", "/head", {{":authority", ""}, {"host", "b.example"}});
  const int32_t both = client.Request("GET", "/head", {{"host", "b.example"}});
  ASSERT_TRUE(client.WaitForClose(host) && client.WaitForClose(both));
  EXPECT_THAT(client.response(host).body, HasSubstr("authority=b.example\n"));
  EXPECT_EQ(client.response(both).status(), 400);
}

TEST(H2Session, AnswersManyStreamsAtOnce) {
  TestServer server;
  H2Client client(server.address());
  std::vector<int32_t> streams;
  for (int i = 0; i < 100; ++i) {
    streams.push_back(client.Request("POST", i % 2 == 0 ? "/echo" : "/later", {}, "body " + std::to_string(i)));
  }
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.WaitForClose(streams[i]));
    EXPECT_EQ(client.response(streams[i]).body, i % 2 == 0 ? "body " + std::to_string(i) : "later");
    EXPECT_TRUE(client.response(streams[i]).ended);
  }
}

TEST(H2Session, EchoesABodyLargerThanAllWindows) {
  TestServer server;
  H2Client client(server.address());
  std::string body(10 << 20, 'b');
  for (size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
  const int32_t stream = client.Request("POST", "/echo", {}, body);
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_TRUE(client.response(stream).body == body);
}

TEST(H2Session, StreamsWithTrailers) {
  TestServer server;
  H2Client client(server.address());
  const H2Response response = client.Get("/trailers");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.Header("content-length"), "");
  EXPECT_EQ(response.body, "body");
  EXPECT_EQ(response.Trailer("grpc-status"), "0");
  EXPECT_EQ(response.Trailer("grpc-message"), "fine");
  EXPECT_TRUE(response.ended);
}

TEST(H2Session, EndsAStreamAtOnceWithTrailers) {
  TestServer server;
  H2Client client(server.address());
  const H2Response response = client.Get("/trailers-only");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.Trailer("grpc-status"), "5");
  EXPECT_TRUE(response.ended);
  EXPECT_EQ(response.error, uint32_t{NGHTTP2_NO_ERROR});
}

TEST(H2Session, FlushesPiecesAsTheyCome) {
  TestServer server;
  H2Client client(server.address());
  const H2Response response = client.Get("/pieces");
  EXPECT_EQ(response.body, "piecepiecepiece");
  EXPECT_TRUE(response.ended);
}

TEST(H2Session, GivesHeadAndBodilessStatusesNoBody) {
  TestServer server;
  H2Client client(server.address());
  const int32_t head = client.Request("HEAD", "/hello");
  const int32_t streamed = client.Request("HEAD", "/pieces");
  ASSERT_TRUE(client.WaitForClose(head) && client.WaitForClose(streamed));
  EXPECT_EQ(client.response(head).Header("content-length"), "5");
  EXPECT_EQ(client.response(head).body, "");
  EXPECT_EQ(client.response(streamed).status(), 200);
  EXPECT_EQ(client.response(streamed).body, "");
  for (const char* path : {"/status/204", "/status/304"}) {
    const H2Response response = client.Get(path);
    EXPECT_EQ(response.Header("content-length"), "");
    EXPECT_EQ(response.body, "");
    EXPECT_TRUE(response.ended);
  }
}

TEST(H2Session, ResetsAnAbortedStreamAfterWhatWasFlushed) {
  TestServer server;
  H2Client client(server.address());
  const H2Response partial = client.Get("/abort-stream");
  EXPECT_EQ(partial.status(), 200);
  EXPECT_EQ(partial.body, "partial");
  EXPECT_FALSE(partial.ended);
  EXPECT_EQ(partial.error, uint32_t{NGHTTP2_INTERNAL_ERROR});
  const H2Response nothing = client.Get("/abort");
  EXPECT_EQ(nothing.status(), 0);
  EXPECT_EQ(nothing.error, uint32_t{NGHTTP2_INTERNAL_ERROR});
  EXPECT_EQ(client.Get("/hello").body, "hello");
}

TEST(H2Session, SendsNothingOfAnAbandonedBody) {
  TestServer server;
  H2Client client(server.address());
  const H2Response response = client.Get("/abandon");
  EXPECT_EQ(response.status(), 502);
  EXPECT_EQ(response.body, "instead");
}

TEST(H2Session, LeavesOutHeadersThatHoldLineBreaks) {
  TestServer server;
  H2Client client(server.address());
  const H2Response response = client.Get("/split");
  EXPECT_EQ(response.Header("x-good"), "kept");
  EXPECT_EQ(response.Header("x-bad"), "");
}

TEST(H2Session, AnswersAServiceThatDoesNot) {
  TestServer server;
  H2Client client(server.address());
  EXPECT_EQ(client.Get("/none").status(), 500);
}

TEST(H2Session, TellsTheClientToKeepABodyThatIsNotWanted) {
  TestServer server;
  H2Client client(server.address());
  const int32_t stream = client.Request("POST", "/early", {}, std::string(100, 'x'), /*keep_open=*/true);
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).status(), 413);
  EXPECT_TRUE(client.response(stream).ended);
  EXPECT_EQ(client.response(stream).error, uint32_t{NGHTTP2_NO_ERROR});
}

TEST(H2Session, AbortsTheExchangeThatTheClientResets) {
  TestServer server;
  H2Client client(server.address());
  const int32_t stream = client.Request("GET", "/hold");
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/hold begin"));
  client.Reset(stream);
  client.Flush();
  EXPECT_TRUE(server.log().WaitFor("/hold abort"));
  EXPECT_EQ(client.Get("/hello").body, "hello");
}

TEST(H2Session, AbortsEveryExchangeOfALostConnection) {
  TestServer server;
  {
    H2Client client(server.address());
    for (int i = 0; i < 10; ++i) client.Request("GET", "/hold");
    client.Flush();
    ASSERT_TRUE(server.log().WaitFor("/hold begin", 10));
  }
  EXPECT_TRUE(server.log().WaitFor("/hold abort", 10));
}

TEST(H2Session, IgnoresRequestTrailers) {
  TestServer server;
  H2Client client(server.address());
  const int32_t stream = client.Request("POST", "/hoard", {}, "abc", /*keep_open=*/true);
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/hoard body"));
  std::string name = "x-trailer", value = "1";
  const nghttp2_nv trailer = {reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()),
                              name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  nghttp2_submit_headers(client.session(), NGHTTP2_FLAG_END_STREAM, stream, nullptr, &trailer, 1, nullptr);
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/hoard end"));
  server.Release();
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).body, "3");
}

TEST(H2Session, ResetsABodyThatIsNotAsLongAsAnnounced) {
  TestServer server;
  H2Client client(server.address());
  const int32_t stream = client.Request("POST", "/hold", {{"content-length", "10"}}, "short");
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).error, uint32_t{NGHTTP2_PROTOCOL_ERROR});
  EXPECT_TRUE(server.log().WaitFor("/hold abort"));
}

TEST(H2Session, GivesNoCreditForABodyThatNobodyConsumes) {
  TestServer server;
  H2Client client(server.address());
  const int32_t stream = client.Request("POST", "/hoard", {}, std::string(4 << 20, 'h'));
  const auto window = [&] { return nghttp2_session_get_stream_remote_window_size(client.session(), stream); };
  // The server's settings and window update must be here before the window means anything.
  ASSERT_TRUE(client.WaitUntil([&] { return client.settings().contains(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE); }));
  ASSERT_TRUE(client.WaitUntil([&] { return window() == 0; }));
  EXPECT_EQ(server.log().Count("/hoard end"), 0);
  // Another stream of the connection is not held up.
  EXPECT_EQ(client.Get("/hello").body, "hello");
  EXPECT_EQ(window(), 0);
  server.Release();
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).body, std::to_string(4 << 20));
}

TEST(H2Session, BodiesThatNobodyConsumesHoldUpNoOthers) {
  TestServer server;
  H2Client client(server.address());
  ASSERT_TRUE(client.WaitUntil([&] { return client.settings().contains(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE); }));
  // Together more than the connection's window.
  for (int i = 0; i < 5; ++i) {
    const int32_t held = client.Request("POST", "/hoard", {}, std::string(2 << 20, 'h'));
    ASSERT_TRUE(
        client.WaitUntil([&] { return nghttp2_session_get_stream_remote_window_size(client.session(), held) == 0; }));
  }
  const int32_t stream = client.Request("POST", "/echo", {}, std::string(2 << 20, 'e'));
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).body.size(), size_t{2 << 20});
}

TEST(H2Session, GivesTheConnectionsWindowBackForLostBodies) {
  TestServer server;
  H2Client client(server.address());
  ASSERT_TRUE(client.WaitUntil([&] { return client.settings().contains(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE); }));
  // Together far more than the connection's window; what reset streams held must come back.
  for (int i = 1; i <= 12; ++i) {
    const int32_t stream = client.Request("POST", "/hoard", {}, std::string(2 << 20, 'h'));
    ASSERT_TRUE(
        client.WaitUntil([&] { return nghttp2_session_get_stream_remote_window_size(client.session(), stream) == 0; }));
    client.Reset(stream);
    client.Flush();
    ASSERT_TRUE(server.log().WaitFor("/hoard abort", i));
  }
  const int32_t stream = client.Request("POST", "/echo", {}, std::string(6 << 20, 'e'));
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).body.size(), size_t{6 << 20});
}

TEST(H2Session, HoldsBackAStreamForAReaderThatKeepsItsWindowShut) {
  TestServer server;
  H2Client client(server.address(), {.stream_window = 1000, .auto_window = false});
  const int32_t stream = client.Request("GET", "/stream/10000000");
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/stream/10000000 backlog"));
  ASSERT_TRUE(client.WaitUntil([&] { return client.response(stream).body.size() == 1000; }));
  EXPECT_EQ(server.log().Count("/stream/10000000 poured"), 0);
  // Other streams go on.
  const int32_t other = client.Request("GET", "/hello");
  ASSERT_TRUE(client.WaitForClose(other));
  EXPECT_EQ(client.response(other).body, "hello");
  ASSERT_TRUE(client.WaitUntil([&] {
    const auto unread = nghttp2_session_get_stream_effective_recv_data_length(client.session(), stream);
    nghttp2_session_consume(client.session(), stream, static_cast<size_t>(unread));
    return client.response(stream).closed;
  }));
  EXPECT_EQ(client.response(stream).body.size(), 10000000u);
  EXPECT_GT(server.log().Count("/stream/10000000 drained"), 0);
}

TEST(H2Session, HoldsBackAStreamForAReaderThatDoesNotRead) {
  TestServer server;
  H2Client client(server.address(), {.stream_window = 0x7fffffff, .receive_buffer = 4096});
  nghttp2_session_set_local_window_size(client.session(), NGHTTP2_FLAG_NONE, 0, 0x7fffffff);
  const int32_t stream = client.Request("GET", "/stream/50000000");
  client.Flush();
  ASSERT_TRUE(server.log().WaitFor("/stream/50000000 backlog"));
  EXPECT_EQ(server.log().Count("/stream/50000000 poured"), 0);
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).body.size(), 50000000u);
}

}  // namespace
}  // namespace stratus::gateway::http
