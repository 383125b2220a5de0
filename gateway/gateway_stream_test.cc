// Requests that stream, over REST: NDJSON, arrays and bytes in, any form out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gateway/http/testing/h2_client.h"
#include "gateway/testing/gateway_fixture.h"
#include "lib/core/status.h"

namespace stratus::gateway {
namespace {

using http::testing::H2Client;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::RawResponse;
using GatewayStreamTest = testing::GatewayFixture;

constexpr char kJson[] = "Content-Type: application/json\r\n";
constexpr char kLines[] = "Content-Type: application/x-ndjson\r\n";

std::string Chunk(const std::string& bytes) { return absl::StrCat(absl::Hex(bytes.size()), "\r\n", bytes, "\r\n"); }
std::string ChunkedHead(const std::string& target, const std::string& headers) {
  return absl::StrCat("POST ", target, " HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n", headers, "\r\n");
}

TEST_F(GatewayStreamTest, TakesLinesArraysAndSequences) {
  Start();
  const std::pair<const char*, const char*> bodies[] = {
      {kLines, "{\"name\":\"a\"}\n{\"name\":\"b\"}\n\n{\"name\":\"c\"}"},
      {kJson, R"([{"name":"a"}, {"name":"b"},{"name":"c"}])"},
      {kJson, R"({"name":"a"}{"name":"b"} {"name":"c"})"},
  };
  for (const auto& [type, body] : bodies) {
    client_->Send("POST", "/t/collect", type, body);
    const RawResponse response = client_->Receive();
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.body, R"({"count":"3","tags":["a","b","c"]})");
  }
}

TEST_F(GatewayStreamTest, AnEmptyBodyIsAnEmptyStream) {
  Start();
  for (const char* body : {"", "[]", "\n"}) {
    client_->Send("POST", "/t/collect", kJson, body);
    const RawResponse response = client_->Receive();
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.body, "{}");
  }
}

TEST_F(GatewayStreamTest, ABodyMayBeLargerThanItsLimitButNoMessageMay) {
  options_.config.mutable_limits()->set_request_body_bytes_max(1000);
  Start();
  const std::string message = absl::StrCat(R"({"name":")", std::string(900, 'x'), "\"}\n");
  std::string body;
  for (int i = 0; i < 50; ++i) body += message;
  client_->Send("POST", "/t/collect", kLines, body);
  EXPECT_THAT(client_->Receive().body, HasSubstr(R"("count":"50")"));
  client_->Send("POST", "/t/collect", kLines, message + std::string(2000, ' '));
  const RawResponse response = client_->Receive();
  EXPECT_EQ(response.status, 413);
  EXPECT_THAT(response.body, HasSubstr("message 2"));
  EXPECT_THAT(response.body, HasSubstr("1000 bytes"));
}

struct Refusal {
  const char* type;
  const char* body;
  int status;
  const char* says;
};

TEST_F(GatewayStreamTest, SaysWhichMessageIsWrongAndWhere) {
  options_.config.mutable_limits()->set_json_depth_max(3);
  Start();
  const Refusal refusals[] = {
      {kLines, "{}\n{\"nope\":1}\n", 400, "message 2: "},
      {kLines, "{}\n{\"inner\":{\"count\":\"x\"}}\n", 400, R"("field":"inner.count")"},
      {kLines, "{\n}", 400, "message 1: "},
      {kLines, "[{}]", 400, "message 1: "},
      {kLines, "{\"inner\":{\"inner\":{\"inner\":{}}}}", 400, "nested too deeply"},
      {kJson, "[{},{}", 400, "ends before the array does"},
      {kJson, "[{}]{}", 400, "text behind the array"},
      {"Content-Type: text/csv\r\n", "1,2", 415, "application/x-ndjson"},
  };
  for (const Refusal& refusal : refusals) {
    RawClient client(address());
    client.Send("POST", "/t/collect", refusal.type, refusal.body);
    const RawResponse response = client.Receive();
    EXPECT_EQ(response.status, refusal.status) << refusal.body << response.body;
    EXPECT_THAT(response.body, HasSubstr(refusal.says)) << refusal.body;
  }
  EXPECT_EQ(client_->Get("/t/items/1").status, 200) << "what a refused request leaves behind harms nobody";
}

TEST_F(GatewayStreamTest, TheFirstMessageCarriesPathAndQuery) {
  Start();
  client_->Send("POST", "/t/chat/p%20q?count=5", "Content-Type: application/json\r\nAccept: application/x-ndjson\r\n",
                R"([{"count":1},{"count":2}])");
  EXPECT_EQ(client_->Receive().body,
            "{\"name\":\"p q\",\"count\":\"5\",\"inner\":{\"count\":\"1\"}}\n{\"inner\":{\"count\":\"2\"}}\n");
  RawClient client(address());
  client.Send("POST", "/t/chat/x?count=z", kJson, "[]");
  EXPECT_EQ(client.Receive().status, 400);
}

TEST_F(GatewayStreamTest, AnswersEachMessageBeforeTheNextIsSent) {
  Start();
  for (const auto& [accept, before, behind] :
       {std::tuple{"application/x-ndjson", "", "\n"}, std::tuple{"text/event-stream", "data: ", "\n\n"}}) {
    RawClient client(address());
    client.SendBytes(ChunkedHead("/t/chat", absl::StrCat(kLines, "Accept: ", accept, "\r\n")));
    std::string chunk;
    for (int i = 1; i <= 5; ++i) {
      client.SendBytes(Chunk(absl::StrCat("{\"count\":", i, "}\n")));
      if (i == 1) {
        EXPECT_EQ(client.ReceiveHead().headers.at("content-type"), accept);
      }
      ASSERT_TRUE(client.ReceiveChunk(&chunk));
      EXPECT_EQ(chunk, absl::StrCat(before, R"({"count":")", i, R"("})", behind));
    }
    client.SendBytes("0\r\n\r\n");
    EXPECT_FALSE(client.ReceiveChunk(&chunk));
    EXPECT_EQ(chunk, "");
  }
}

TEST_F(GatewayStreamTest, ChatsOverHttp2) {
  Start();
  H2Client client(gateway_->address());
  const int32_t stream =
      client.Request("POST", "/t/chat", {{"content-type", "application/x-ndjson"}}, "{\"count\":1}\n{\"count\":2}\n");
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).status(), 200);
  EXPECT_EQ(client.response(stream).body, R"([{"count":"1"},{"count":"2"}])");
  EXPECT_EQ(client.response(stream).error, 0u);
}

TEST_F(GatewayStreamTest, AWrongMessageAfterTheFirstAnswerCutsTheResponse) {
  Start();
  for (const char* second : {"{\"nope\":1}\n", "{\"name\":\"fail\"}\n"}) {
    RawClient client(address());
    client.SendBytes(ChunkedHead("/t/chat", absl::StrCat(kLines, "Accept: application/x-ndjson\r\n")));
    client.SendBytes(Chunk("{\"count\":1}\n"));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    std::string chunk;
    ASSERT_TRUE(client.ReceiveChunk(&chunk));
    client.SendBytes(Chunk(second));
    ASSERT_TRUE(client.ReceiveChunk(&chunk));
    EXPECT_THAT(chunk, HasSubstr(R"({"error":{"code":)"));
    EXPECT_FALSE(client.ReceiveChunk(&chunk)) << "the last chunk must not come";
  }
  H2Client client(gateway_->address());
  const int32_t stream =
      client.Request("POST", "/t/chat", {{"content-type", "application/json"}}, R"([{"count":1},{"name":"fail"}])");
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_THAT(client.response(stream).body, HasSubstr(R"([{"count":"1"},{"error":{"code":10,)"));
  EXPECT_FALSE(client.response(stream).ended);
  EXPECT_NE(client.response(stream).error, 0u);
}

TEST_F(GatewayStreamTest, ASlowServiceStopsTheClient) {
  Start();
  client_->SendBytes(ChunkedHead("/t/collect", kLines));
  client_->SendBytes(Chunk("{\"name\":\"wait\"}\n"));
  while (server_.collected() == 0) std::this_thread::yield();
  constexpr int kMessages = 3000;
  const std::string message = Chunk(absl::StrCat(R"({"name":")", std::string(20'000, 'x'), "\"}\n"));
  std::string rest;
  for (int i = 0; i < kMessages; ++i) rest += message;
  rest += "0\r\n\r\n";
  // 60 MB: what the client gets rid of is what the sockets, the windows and the limits beside them hold.
  const size_t taken = client_->SendBytes(rest, 300);
  EXPECT_LT(taken, rest.size() / 2);
  server_.Release();
  EXPECT_EQ(client_->SendBytes(std::string_view(rest).substr(taken)), rest.size() - taken);
  EXPECT_THAT(client_->Receive().body, HasSubstr(absl::StrCat("\"count\":\"", kMessages + 1, "\"")));
}

TEST_F(GatewayStreamTest, AClientThatGoesEndsTheCall) {
  Start();
  client_->SendBytes(ChunkedHead("/t/collect", kLines));
  client_->SendBytes(Chunk("{\"name\":\"wait\"}\n{\"na"));
  while (server_.collected() == 0) std::this_thread::yield();
  client_ = nullptr;
  while (server_.cancelled() == 0) std::this_thread::yield();
  EXPECT_EQ(RawClient(address()).Get("/t/items/1").status, 200);
}

TEST_F(GatewayStreamTest, StreamsAFileUp) {
  Start();
  const std::string file(3'000'000, '\x80');
  client_->Send("POST", "/t/upload/photo", "Content-Type: image/png\r\n", file);
  EXPECT_EQ(client_->Receive().body, R"({"name":"photo","count":"3000000","tags":["image/png"]})");
  client_->SendBytes(
      "POST /t/upload/empty HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client_->Receive().body, R"({"name":"empty","tags":["text/plain"]})");
}

TEST_F(GatewayStreamTest, GivesAQuietStreamItsDeadlineAndNoMore) {
  Start();
  client_->SendBytes(ChunkedHead("/t/collect", absl::StrCat(kLines, "grpc-timeout: 200m\r\n")));
  client_->SendBytes(Chunk("{}\n"));
  EXPECT_EQ(client_->Receive().status, 504);
}

}  // namespace
}  // namespace stratus::gateway
