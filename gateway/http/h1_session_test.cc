// HTTP/1.x over real sockets: what is answered, in which order, and what keeps a connection.
#include "gateway/http/h1_session.h"

#include <string>
#include <thread>

#include "gateway/http/testing/test_client.h"
#include "gateway/http/testing/test_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::TestClient;
using testing::TestResponse;
using testing::TestServer;

std::string Get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nhost: a.example\r\n\r\n"; }

std::string Post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nhost: a.example\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string PostChunked(const std::string& path, const std::string& chunks) {
  return "POST " + path + " HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n" + chunks;
}

TEST(H1Session, KeepsTheConnectionBetweenRequests) {
  TestServer server;
  TestClient client(server.address());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.Send(Get("/hello")));
    const TestResponse response = client.Read();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.Header("content-length"), "5");
    EXPECT_EQ(response.Header("date").size(), 29u);
    EXPECT_EQ(response.Header("connection"), "");
  }
  EXPECT_EQ(server.worker().stats().connections_accepted.load(), 1u);
}

TEST(H1Session, TellsTheHandlerWhatTheHeadSays) {
  TestServer server;
  TestClient client(server.address());
  client.Send(
      "POST /head?a=1&b=%20 HTTP/1.1\r\nHoSt: a.example:80\r\nX-One: 1 \r\nx-one:\t2\r\ncontent-length: 2\r\n\r\nok");
  EXPECT_EQ(client.Read().body,
            "protocol=HTTP/1.1\nmethod=POST\npath=/head\nquery=a=1&b=%20\nauthority=a.example:80\npeer=127.0.0.1\n"
            "has_body=yes\ncontent_length=2\nheader host=a.example:80\nheader x-one=1\nheader x-one=2\n"
            "header content-length=2\n");
}

TEST(H1Session, TakesAbsoluteTargetsAndPrefersTheirAuthority) {
  TestServer server;
  TestClient client(server.address());
  client.Send("GET http://b.example/head?q HTTP/1.1\r\nhost: a.example\r\n\r\n");
  EXPECT_THAT(client.Read().body, HasSubstr("path=/head\nquery=q\nauthority=b.example\n"));
}

TEST(H1Session, AnswersOptionsAsteriskByItself) {
  TestServer server;
  TestClient client(server.address());
  client.Send("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n" + Get("/hello"));
  EXPECT_EQ(client.Read().status, 204);
  EXPECT_EQ(client.Read().body, "hello");
}

TEST(H1Session, AnswersAnyWayARequestIsCut) {
  TestServer server;
  TestClient client(server.address());
  client.SendByteByByte(Post("/echo", "some body") +
                        PostChunked("/echo", "4\r\nmore\r\n2;x=\"y\"\r\n..\r\n0\r\na: b\r\n\r\n"));
  EXPECT_EQ(client.Read().body, "some body");
  EXPECT_EQ(client.Read().body, "more..");
}

TEST(H1Session, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/later") + Get("/hello") + Post("/echo", "x") + Get("/later") + Post("/echo", "y") + Get("/hello"));
  for (const char* body : {"later", "hello", "x", "later", "y", "hello"}) EXPECT_EQ(client.Read().body, body);
}

TEST(H1Session, AnswersManyPipelinedRequestsWithoutKeepingThemAll) {
  TestServer server;
  TestClient client(server.address());
  std::string requests;
  for (int i = 0; i < 5000; ++i) requests += Get("/later");
  std::thread sender([&] { client.Send(requests); });
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(client.Read().body, "later") << i;
  sender.join();
}

TEST(H1Session, PassesOverEmptyLinesBeforeARequest) {
  TestServer server;
  TestClient client(server.address());
  client.Send("\r\n\r\n" + Get("/hello") + "\r\n" + Get("/hello"));
  EXPECT_EQ(client.Read().body, "hello");
  EXPECT_EQ(client.Read().body, "hello");
}

TEST(H1Session, EchoesALargeBody) {
  TestServer server;
  TestClient client(server.address());
  std::string body(3 << 20, 'b');
  for (size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
  client.Send(Post("/echo", body));
  const TestResponse response = client.Read();
  EXPECT_TRUE(response.body == body);
  client.Send(Get("/hello"));
  EXPECT_EQ(client.Read().body, "hello");
}

TEST(H1Session, SendsContinueOnlyWhenTheBodyIsWanted) {
  TestServer server;
  TestClient client(server.address());
  client.Send("POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
  EXPECT_EQ(client.Read().status, 100);
  client.Send("body");
  EXPECT_EQ(client.Read().body, "body");

  client.Send("POST /early HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
  const TestResponse refused = client.Read();
  EXPECT_EQ(refused.status, 413);
  // Whether the body comes after all cannot be known.
  EXPECT_EQ(refused.Header("connection"), "close");
  EXPECT_TRUE(client.AtEnd());
}

TEST(H1Session, RefusesOtherExpectations) {
  TestServer server;
  TestClient client(server.address());
  client.Send("POST /echo HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\ncontent-length: 4\r\n\r\n");
  EXPECT_EQ(client.Read().status, 417);
}

TEST(H1Session, DropsAShortUnwantedBodyAndKeepsTheConnection) {
  TestServer server;
  TestClient client(server.address());
  client.Send("POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n");
  const TestResponse early = client.Read();
  EXPECT_EQ(early.status, 413);
  EXPECT_EQ(early.Header("connection"), "");
  client.Send("body" + Get("/hello"));
  EXPECT_EQ(client.Read().body, "hello");
}

TEST(H1Session, ClosesInPlaceOfReadingALongUnwantedBody) {
  TestServer server;
  TestClient client(server.address());
  client.Send("POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n" + std::string(100000, 'x'));
  const TestResponse early = client.Read();
  EXPECT_EQ(early.body, "too much");
  EXPECT_EQ(early.Header("connection"), "close");
  EXPECT_TRUE(client.AtEnd());
}

TEST(H1Session, ClosesWhenTheClientAsks) {
  TestServer server;
  TestClient client(server.address());
  client.Send("GET /hello HTTP/1.1\r\nhost: a\r\nconnection: x, Close\r\n\r\n" + Get("/hello"));
  const TestResponse response = client.Read();
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.Header("connection"), "close");
  EXPECT_TRUE(client.AtEnd());
}

TEST(H1Session, ServesHttp10) {
  TestServer server;
  TestClient once(server.address());
  once.Send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(once.Read().Header("connection"), "close");
  EXPECT_TRUE(once.AtEnd());

  TestClient kept(server.address());
  kept.Send("GET /hello HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.Read().Header("connection"), "keep-alive");
  kept.Send("GET /head HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  EXPECT_THAT(kept.Read().body, HasSubstr("protocol=HTTP/1.0\n"));
}

TEST(H1Session, StreamsToHttp10UntilTheEndOfTheConnection) {
  TestServer server;
  TestClient client(server.address());
  client.Send("GET /pieces HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  const TestResponse response = client.Read();
  EXPECT_EQ(response.Header("transfer-encoding"), "");
  EXPECT_EQ(response.Header("connection"), "close");
  EXPECT_EQ(response.body, "piecepiecepiece");
  EXPECT_TRUE(response.complete);
}

TEST(H1Session, ResetsAnAbortedHttp10Stream) {
  TestServer server;
  TestClient client(server.address());
  client.Send("GET /abort-stream HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(client.Read().complete);
  EXPECT_TRUE(client.was_reset());
}

TEST(H1Session, GivesHeadNoBody) {
  TestServer server;
  TestClient client(server.address());
  client.Send("HEAD /hello HTTP/1.1\r\nhost: a\r\n\r\nHEAD /pieces HTTP/1.1\r\nhost: a\r\n\r\n" + Get("/hello"));
  EXPECT_EQ(client.Read(true).Header("content-length"), "5");
  EXPECT_EQ(client.Read(true).Header("transfer-encoding"), "chunked");
  EXPECT_EQ(client.Read().body, "hello");
}

TEST(H1Session, GivesBodilessStatusesNoBodyAndNoLength) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/status/204") + Get("/status/304") + Get("/status/599"));
  for (const int status : {204, 304}) {
    const TestResponse response = client.Read();
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.Header("content-length"), "");
  }
  EXPECT_EQ(client.Read().status, 599);
}

TEST(H1Session, StreamsInChunks) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/pieces") + Get("/trailers") + Get("/trailers-only") + Get("/hello"));
  const TestResponse response = client.Read();
  EXPECT_EQ(response.Header("transfer-encoding"), "chunked");
  EXPECT_EQ(response.Header("content-length"), "");
  EXPECT_EQ(response.body, "piecepiecepiece");
  EXPECT_EQ(client.Read().body, "body");
  EXPECT_EQ(client.Read().body, "");
  EXPECT_EQ(client.Read().body, "hello");
}

TEST(H1Session, CutsAnAbortedStreamAfterWhatWasFlushed) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/abort-stream"));
  const TestResponse response = client.Read();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "partial");
  EXPECT_FALSE(response.complete);
}

TEST(H1Session, ClosesWhenAbortedBeforeAnyAnswer) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/abort"));
  EXPECT_EQ(client.Read().status, 0);
}

TEST(H1Session, SendsNothingOfAnAbandonedBody) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/hello") + Get("/abandon") + Get("/hello"));
  EXPECT_EQ(client.Read().body, "hello");
  const TestResponse response = client.Read();
  EXPECT_EQ(response.status, 502);
  EXPECT_EQ(response.body, "instead");
  EXPECT_EQ(client.Read().body, "hello");
}

TEST(H1Session, LeavesOutHeadersThatWouldSplitTheResponse) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/split"));
  const TestResponse response = client.Read();
  EXPECT_EQ(response.Header("x-good"), "kept");
  EXPECT_THAT(response.head, Not(HasSubstr("injected")));
  EXPECT_EQ(response.body, "whole");
}

TEST(H1Session, AnswersAServiceThatDoesNot) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/none"));
  EXPECT_EQ(client.Read().status, 500);
}

TEST(H1Session, AbortsTheExchangeWhenTheClientGoes) {
  TestServer server;
  {
    TestClient client(server.address());
    client.Send(Get("/hold"));
    ASSERT_TRUE(server.log().WaitFor("/hold begin"));
  }
  EXPECT_TRUE(server.log().WaitFor("/hold abort"));
  TestClient client(server.address());
  client.Send(Post("/hold", "12345678").substr(0, 70));
  ASSERT_TRUE(server.log().WaitFor("/hold begin", 2));
  client.Reset();
  EXPECT_TRUE(server.log().WaitFor("/hold abort", 2));
  EXPECT_EQ(server.worker().stats().exchanges_aborted.load(), 2u);
}

TEST(H1Session, AbortsTheExchangeWhenItsChunksAreBad) {
  TestServer server;
  TestClient client(server.address());
  client.Send(PostChunked("/hold", "3\r\nabc\r\n"));
  ASSERT_TRUE(server.log().WaitFor("/hold body"));
  client.Send("zz\r\n");
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_EQ(server.log().Count("/hold abort"), 1);
  EXPECT_TRUE(client.AtEnd());
}

TEST(H1Session, AnswersAClientThatEndsItsSideAfterTheRequest) {
  TestServer server;
  TestClient client(server.address());
  client.Send(Get("/hello"));
  client.EndSending();
  EXPECT_EQ(client.Read().body, "hello");
  EXPECT_TRUE(client.AtEnd());
}

TEST(H1Session, StopsReadingABodyThatNobodyConsumes) {
  TestServer server;
  TestClient client(server.address());
  constexpr size_t kSize = 32 << 20;
  std::thread sender([&] { client.Send(Post("/hoard", std::string(kSize, 'h'))); });
  ASSERT_TRUE(server.log().WaitFor("/hoard body", 5));
  // The bound and one turn's reading, in pieces of at least a small read.
  EXPECT_LT(server.log().Count("/hoard body"), 200);
  EXPECT_EQ(server.log().Count("/hoard end"), 0);
  server.Release();
  EXPECT_EQ(client.Read().body, std::to_string(kSize));
  sender.join();
}

TEST(H1Session, HoldsBackAStreamForASlowReader) {
  TestServer server;
  TestClient client(server.address(), 4096);
  constexpr size_t kSize = 64 << 20;
  client.Send(Get("/stream/" + std::to_string(kSize)));
  ASSERT_TRUE(server.log().WaitFor("/stream/" + std::to_string(kSize) + " backlog"));
  EXPECT_EQ(server.log().Count("/stream/" + std::to_string(kSize) + " poured"), 0);
  const TestResponse response = client.Read();
  EXPECT_EQ(response.body.size(), kSize);
  EXPECT_TRUE(response.complete);
  EXPECT_GT(server.log().Count("/stream/" + std::to_string(kSize) + " drained"), 0);
}

TEST(H1Session, AbortsAStreamWhoseReaderGoes) {
  TestServer server;
  TestClient client(server.address(), 4096);
  client.Send(Get("/stream/100000000"));
  ASSERT_TRUE(server.log().WaitFor("/stream/100000000 backlog"));
  client.Reset();
  EXPECT_TRUE(server.log().WaitFor("/stream/100000000 abort"));
}

}  // namespace
}  // namespace stratus::gateway::http
