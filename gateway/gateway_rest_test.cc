// REST at the door: unary calls, what is refused and how errors look, and replies that stream.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/testing/gateway_fixture.h"

namespace stratus::gateway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using testing::RawResponse;
using testing::ShapesServer;
using testing::v1::Item;
using GatewayRestTest = testing::GatewayFixture;

constexpr char kJson[] = "Content-Type: application/json\r\n";

// --- REST, unary.

TEST_F(GatewayRestTest, BindsPathAndQueryOfAGet) {
  Start();
  const RawResponse response = client_->Get("/t/items/a%20b?count=7&tags=x&tags=y&labels%5Bk%5D=v&inner.count=9");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_EQ(response.body,
            R"({"name":"items/a b","count":"7","tags":["x","y"],"labels":{"k":"v"},"inner":{"count":"9"}})");
}

TEST_F(GatewayRestTest, TakesAWholeBody) {
  Start();
  const RawResponse response = client_->Post("/t/echo", R"({"name":"n","inner":{"tags":["t"]}})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"name":"n","inner":{"tags":["t"]}})");
}

TEST_F(GatewayRestTest, TakesAFieldAsBodyAndGivesAFieldAsReply) {
  Start();
  const RawResponse response = client_->Post("/t/apply/droplet?stack=s1", R"({"size":"small","count":2})");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"("module":"droplet")"));
  EXPECT_THAT(response.body, HasSubstr(R"("size":"small")"));
  EXPECT_THAT(response.body, HasSubstr(R"("count":2)"));
}

TEST_F(GatewayRestTest, CarriesRepliesOfManyChunks) {
  Start();
  const std::string body = absl::StrCat(R"({"name":")", std::string(3'000'000, 'x'), R"("})");
  const RawResponse response = client_->Post("/t/echo", body);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, body);
}

TEST_F(GatewayRestTest, CarriesHttpBodiesBothWays) {
  Start();
  client_->Send("POST", "/t/raw", "Content-Type: image/png\r\n", std::string_view("\x89PNG\0\r\n", 7));
  const RawResponse response = client_->Receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "image/png");
  EXPECT_EQ(response.body, std::string("\x89PNG\0\r\n", 7));
}

TEST_F(GatewayRestTest, LetsTheServiceChooseAStatusOfSuccessAndListedHeaders) {
  Start();
  RawResponse response = client_->Post("/t/create", "{}");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.headers.at("location"), "/t/items/1");
  EXPECT_EQ(response.headers.count("x-secret"), 0u);
  EXPECT_EQ(response.headers.count("x-http-status"), 0u);
  response = client_->Post("/t/create", R"({"count":500})");
  EXPECT_EQ(response.status, 200) << "only 2xx can be chosen";
}

TEST_F(GatewayRestTest, AnswersHeadAsGetWithoutBody) {
  Start();
  client_->Send("HEAD", "/t/items/1");
  const RawResponse head = client_->Receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(client_->Get("/t/items/1").body.size(), std::stoul(head.headers.at("content-length")));
}

TEST_F(GatewayRestTest, AnswersPipelinedRequestsInOrder) {
  Start();
  for (int i = 0; i < 50; ++i) client_->Send("GET", absl::StrCat("/t/items/1?count=", i + 1));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client_->Receive().body, absl::StrCat(R"({"name":"items/1","count":")", i + 1, R"("})"));
  }
}

// --- REST, refusals.

struct Refusal {
  const char* method;
  const char* target;
  const char* headers;
  const char* body;
  int status;
  const char* says;
};

TEST_F(GatewayRestTest, RefusesBadRequestsEachWithItsStatusAndReason) {
  options_.config.mutable_limits()->set_request_body_bytes_max(1000);
  Start();
  const std::string big(2000, ' ');
  const Refusal refusals[] = {
      {"GET", "/nothing", "", "", 404, R"("code":5)"},
      {"PUT", "/t/echo", "", "", 405, "POST"},
      {"POST", "/t/echo", "Content-Type: text/plain\r\n", "{}", 415, "application/json"},
      {"POST", "/t/echo", "", "{}", 415, "must be application/json, and there is none"},
      {"POST", "/t/echo", kJson, big.c_str(), 413, "1000"},
      {"POST", "/t/echo", kJson, "{", 400, R"("code":3)"},
      {"POST", "/t/echo", kJson, R"({"nope":1})", 400, R"("field":"nope")"},
      {"POST", "/t/echo", kJson, R"({"inner":{"count":"x"}})", 400, R"("field":"inner.count")"},
      {"GET", "/t/items/1?nope=1", "", "", 400, "nope"},
      {"GET", "/t/items/1?count=1&count=2", "", "", 400, "count"},
      {"GET", "/t/items/%zz", "", "", 400, "name"},
  };
  for (const Refusal& refusal : refusals) {
    RawClient client(address());
    client.Send(refusal.method, refusal.target, refusal.headers, refusal.body);
    const RawResponse response = client.Receive();
    EXPECT_EQ(response.status, refusal.status) << refusal.target << ": " << response.body;
    EXPECT_THAT(response.body, HasSubstr(refusal.says)) << refusal.target;
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
  }
}

TEST_F(GatewayRestTest, NamesAllowedMethods) {
  Start();
  client_->Send("OPTIONS", "/t/echo");
  const RawResponse options = client_->Receive();
  EXPECT_EQ(options.status, 204);
  EXPECT_THAT(options.headers.at("allow"), HasSubstr("POST"));
  client_->Send("GET", "/t/echo");
  EXPECT_THAT(client_->Receive().headers.at("allow"), HasSubstr("POST"));
}

TEST_F(GatewayRestTest, GivesAServicesErrorWithDetailsAlsoOfUnknownTypes) {
  Start();
  const RawResponse response = client_->Get("/t/fail?code=14&message=gone%20%C4%91%C3%A2u&unknownDetail=true");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at("retry-after"), "7");
  EXPECT_THAT(response.body, HasSubstr(R"("code":14,"message":"gone đâu")"));
  EXPECT_THAT(response.body, HasSubstr(R"("@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BECAUSE")"));
  EXPECT_THAT(response.body, HasSubstr(R"({"@type":"type.example.com/no.such.Type","value":"CAE="})"));
}

TEST_F(GatewayRestTest, WritesDetailsAsItDoesReplies) {
  auto* json = options_.config.mutable_json();
  json->set_preserve_proto_field_names(true);
  json->set_always_print_fields_with_no_presence(false);
  Start();
  EXPECT_THAT(client_->Get("/t/fail?code=14").body,
              AllOf(HasSubstr("\"retry_delay\":\"7s\""), Not(HasSubstr("metadata"))));
  EXPECT_THAT(client_->Get("/t/stream?count=1&code=8").body, HasSubstr("{\"error\":{\"code\":8"));
}

// grpc-message leaves spaces as they are, also where HTTP/2 takes no space: at the end of a field's value.
TEST_F(GatewayRestTest, KeepsAMessageThatEndsWithASpace) {
  Start();
  const RawResponse response = client_->Get("/t/fail?code=9&message=%20failed:%20");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr(R"("message":" failed: ")"));
  auto stub = Stub();
  grpc::ClientContext context;
  testing::v1::FailRequest request;
  request.set_code(9);
  request.set_message("failed: ");
  Item reply;
  const grpc::Status status = stub->Fail(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "failed: ");
}

TEST_F(GatewayRestTest, MapsCodesToHttpStatuses) {
  Start();
  const std::pair<int, int> codes[] = {{1, 499},  {2, 500},  {3, 400},  {4, 504},  {5, 404},  {6, 409},
                                       {7, 403},  {8, 429},  {9, 400},  {10, 409}, {11, 400}, {12, 501},
                                       {13, 500}, {14, 503}, {15, 500}, {16, 401}};
  for (const auto& [code, status] : codes) {
    EXPECT_EQ(client_->Get(absl::StrCat("/t/fail?code=", code)).status, status) << code;
  }
}

TEST_F(GatewayRestTest, SaysSoWhenTheUpstreamIsDown) {
  std::string address;
  {
    ShapesServer gone;
    address = gone.address();
  }
  options_.config.add_upstreams()->set_address(address);
  Start();
  const RawResponse response = client_->Get("/t/items/1");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr(address));
}

TEST_F(GatewayRestTest, EnforcesTheClientsDeadlineAndTheDefault) {
  options_.config.mutable_limits()->mutable_default_timeout()->set_nanos(100'000'000);
  Start();
  EXPECT_EQ(client_->Get("/t/wait", "grpc-timeout: 50m\r\n").status, 504);
  EXPECT_EQ(client_->Get("/t/wait").status, 504);
}

TEST_F(GatewayRestTest, RefusesADeadlineThatIsNone) {
  Start();
  for (const char* timeout : {"soon", "50", "m", "-1S", "1.5S", "123456789S", "50ms", "5 S"}) {
    const RawResponse response = client_->Get("/t/items/1", absl::StrCat("grpc-timeout: ", timeout, "\r\n"));
    EXPECT_EQ(response.status, 400) << timeout;
    EXPECT_THAT(response.body, AllOf(HasSubstr(R"("code":3)"), HasSubstr("grpc-timeout"))) << timeout;
    EXPECT_EQ(client_->Get("/t/stream?count=1", absl::StrCat("grpc-timeout: ", timeout, "\r\n")).status, 400);
  }
  EXPECT_EQ(client_->Get("/t/items/1", "grpc-timeout: 99999999H\r\n").status, 200) << "as long as timeout_max";
}

TEST_F(GatewayRestTest, CancelsTheCallWhenTheClientGoes) {
  Start();
  client_->Send("GET", "/t/wait");
  while (server_.waiting() == 0) std::this_thread::yield();
  client_ = nullptr;
  while (server_.cancelled() == 0) std::this_thread::yield();
  EXPECT_EQ(server_.cancelled(), 1);
}

// --- REST, streams.

TEST_F(GatewayRestTest, StreamsInTheFormThatAcceptChooses) {
  Start();
  RawResponse response = client_->Get("/t/stream?count=3");
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_EQ(response.body, R"([{},{"count":"1"},{"count":"2"}])");
  EXPECT_TRUE(response.complete);
  response = client_->Get("/t/stream?count=3", "Accept: application/json;q=0.5, application/x-ndjson\r\n");
  EXPECT_EQ(response.headers.at("content-type"), "application/x-ndjson");
  EXPECT_EQ(response.body, "{}\n{\"count\":\"1\"}\n{\"count\":\"2\"}\n");
  response = client_->Get("/t/stream?count=2", "Accept: text/event-stream\r\n");
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(response.body, "data: {}\n\ndata: {\"count\":\"1\"}\n\n");
  EXPECT_EQ(client_->Get("/t/stream?count=0").body, "[]");
}

TEST_F(GatewayRestTest, StreamsHttpBodies) {
  Start();
  const RawResponse response = client_->Get("/t/download?count=2");
  EXPECT_EQ(response.headers.at("content-type"), "text/csv");
  EXPECT_EQ(response.body, "row 0\nrow 1\n");
}

TEST_F(GatewayRestTest, AnErrorBeforeTheFirstMessageHasItsOwnStatus) {
  Start();
  const RawResponse response = client_->Get("/t/stream?count=0&code=7");
  EXPECT_EQ(response.status, 403);
  EXPECT_TRUE(response.complete);
}

TEST_F(GatewayRestTest, AnErrorInMidStreamCannotBeMistakenForTheEnd) {
  Start();
  for (const auto& [accept, record] : {std::pair{"application/json", R"([{},{"error":{"code":8,)"},
                                       std::pair{"application/x-ndjson", "{}\n{\"error\":{\"code\":8,"},
                                       std::pair{"text/event-stream", "event: error\ndata: {\"error\":{\"code\":8,"}}) {
    RawClient client(address());
    const RawResponse response = client.Get("/t/stream?count=1&code=8", absl::StrCat("Accept: ", accept, "\r\n"));
    EXPECT_EQ(response.status, 200);
    EXPECT_THAT(response.body, HasSubstr(record));
    EXPECT_FALSE(response.complete) << "the last chunk must not come";
    EXPECT_NE(response.body.back(), ']');
  }
}

TEST_F(GatewayRestTest, ASlowClientStopsTheStreamAndThenGetsAllOfIt) {
  Start();
  client_->Send("GET", "/t/stream?count=3000&size=10000", "Accept: application/x-ndjson\r\n");  // 30 MB
  int before = -1;
  while (server_.streamed() != before) {  // until the server makes no progress any more
    before = server_.streamed();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  EXPECT_LT(before, 3000);
  const RawResponse response = client_->Receive();
  EXPECT_TRUE(response.complete);
  EXPECT_GT(response.body.size(), 30'000'000u);
}

}  // namespace
}  // namespace stratus::gateway
