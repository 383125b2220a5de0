// The whole gateway over real sockets: bare HTTP/1.1 and a gRPC C++ client at the door, a gRPC C++ server behind it.
#include "gateway/gateway.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gateway/testing/gateway_fixture.h"
#include "gateway/testing/raw_client.h"
#include "gateway/testing/shapes_server.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "lib/core/status.h"
#include "shapes.grpc.pb.h"

namespace stratus::gateway {
namespace {

using ::testing::HasSubstr;
using testing::RawClient;
using testing::RawResponse;
using testing::ShapesServer;
using testing::v1::Item;
using testing::v1::Shapes;
using testing::v1::StreamRequest;

// Knows three tokens: `good` carries test/read, `poor` nothing, and `late` is `good` once a key fetch is over.
class FakeAuthenticator final : public auth::Authenticator {
 public:
  ~FakeAuthenticator() override {
    if (thread_.joinable()) thread_.join();
  }

  auth::Outcome Check(absl::Span<const std::string_view> authorization, const auth::Policy& policy) override {
    auth::Outcome outcome;
    if (policy.kind == auth::Policy::Kind::kPublic) {
      outcome.result = auth::Outcome::Class::kAllowed;
    } else if (policy.kind == auth::Policy::Kind::kDenied) {
      outcome.result = auth::Outcome::Class::kDenied;
    } else if (authorization.empty()) {
      outcome.result = auth::Outcome::Class::kNoToken;
    } else if (authorization.size() > 1) {
      outcome.result = auth::Outcome::Class::kMalformedRequest;
    } else if (authorization[0] == "Bearer late") {
      outcome.result = auth::Outcome::Class::kPending;
    } else if (authorization[0] == "Bearer good" || authorization[0] == "Bearer poor") {
      auto principal = std::make_shared<auth::Principal>();
      principal->client_id = "client-1";
      if (authorization[0] == "Bearer good") principal->scopes = {"test/read"};
      const bool allowed = policy.Allows(*principal);
      outcome.result = allowed ? auth::Outcome::Class::kAllowed : auth::Outcome::Class::kInsufficientScope;
      outcome.principal = principal;
    } else {
      outcome.result = auth::Outcome::Class::kBadToken;
      outcome.reason = "signature";
    }
    return outcome;
  }

  void CheckLater(absl::Span<const std::string_view>, const auth::Policy& policy,
                  std::function<void(auth::Outcome)> done) override {
    if (thread_.joinable()) thread_.join();
    const std::string_view good = "Bearer good";
    thread_ = std::thread([done = std::move(done), outcome = Check({&good, 1}, policy)] { done(outcome); });
  }

 private:
  std::thread thread_;
};

using GatewayTest = testing::GatewayFixture;

constexpr char kJson[] = "Content-Type: application/json\r\n";

// --- REST, unary.

TEST_F(GatewayTest, BindsPathAndQueryOfAGet) {
  Start();
  const RawResponse response = client_->Get("/t/items/a%20b?count=7&tags=x&tags=y&labels%5Bk%5D=v&inner.count=9");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_EQ(response.body,
            R"({"name":"items/a b","count":"7","tags":["x","y"],"labels":{"k":"v"},"inner":{"count":"9"}})");
}

TEST_F(GatewayTest, TakesAWholeBody) {
  Start();
  const RawResponse response = client_->Post("/t/echo", R"({"name":"n","inner":{"tags":["t"]}})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"name":"n","inner":{"tags":["t"]}})");
}

TEST_F(GatewayTest, TakesAFieldAsBodyAndGivesAFieldAsReply) {
  Start();
  const RawResponse response = client_->Post("/t/apply/droplet?stack=s1", R"({"size":"small","count":2})");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"("module":"droplet")"));
  EXPECT_THAT(response.body, HasSubstr(R"("size":"small")"));
  EXPECT_THAT(response.body, HasSubstr(R"("count":2)"));
}

TEST_F(GatewayTest, CarriesRepliesOfManyChunks) {
  Start();
  const std::string body = absl::StrCat(R"({"name":")", std::string(3'000'000, 'x'), R"("})");
  const RawResponse response = client_->Post("/t/echo", body);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, body);
}

TEST_F(GatewayTest, CarriesHttpBodiesBothWays) {
  Start();
  client_->Send("POST", "/t/raw", "Content-Type: image/png\r\n", std::string_view("\x89PNG\0\r\n", 7));
  const RawResponse response = client_->Receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "image/png");
  EXPECT_EQ(response.body, std::string("\x89PNG\0\r\n", 7));
}

TEST_F(GatewayTest, LetsTheServiceChooseAStatusOfSuccessAndListedHeaders) {
  Start();
  RawResponse response = client_->Post("/t/create", "{}");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.headers.at("location"), "/t/items/1");
  EXPECT_EQ(response.headers.count("x-secret"), 0u);
  EXPECT_EQ(response.headers.count("x-http-status"), 0u);
  response = client_->Post("/t/create", R"({"count":500})");
  EXPECT_EQ(response.status, 200) << "only 2xx can be chosen";
}

TEST_F(GatewayTest, AnswersHeadAsGetWithoutBody) {
  Start();
  client_->Send("HEAD", "/t/items/1");
  const RawResponse head = client_->Receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(client_->Get("/t/items/1").body.size(), std::stoul(head.headers.at("content-length")));
}

TEST_F(GatewayTest, AnswersPipelinedRequestsInOrder) {
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

TEST_F(GatewayTest, RefusesBadRequestsEachWithItsStatusAndReason) {
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

TEST_F(GatewayTest, NamesAllowedMethods) {
  Start();
  client_->Send("OPTIONS", "/t/echo");
  const RawResponse options = client_->Receive();
  EXPECT_EQ(options.status, 204);
  EXPECT_THAT(options.headers.at("allow"), HasSubstr("POST"));
  client_->Send("GET", "/t/echo");
  EXPECT_THAT(client_->Receive().headers.at("allow"), HasSubstr("POST"));
}

TEST_F(GatewayTest, GivesAServicesErrorWithDetailsAlsoOfUnknownTypes) {
  Start();
  const RawResponse response = client_->Get("/t/fail?code=14&message=gone%20%C4%91%C3%A2u&unknownDetail=true");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at("retry-after"), "7");
  EXPECT_THAT(response.body, HasSubstr(R"("code":14,"message":"gone đâu")"));
  EXPECT_THAT(response.body, HasSubstr(R"("@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BECAUSE")"));
  EXPECT_THAT(response.body, HasSubstr(R"({"@type":"type.example.com/no.such.Type","value":"CAE="})"));
}

// grpc-message leaves spaces as they are, also where HTTP/2 takes no space: at the end of a field's value.
TEST_F(GatewayTest, KeepsAMessageThatEndsWithASpace) {
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

TEST_F(GatewayTest, MapsCodesToHttpStatuses) {
  Start();
  const std::pair<int, int> codes[] = {{1, 499},  {2, 500},  {3, 400},  {4, 504},  {5, 404},  {6, 409},
                                       {7, 403},  {8, 429},  {9, 400},  {10, 409}, {11, 400}, {12, 501},
                                       {13, 500}, {14, 503}, {15, 500}, {16, 401}};
  for (const auto& [code, status] : codes) {
    EXPECT_EQ(client_->Get(absl::StrCat("/t/fail?code=", code)).status, status) << code;
  }
}

TEST_F(GatewayTest, SaysSoWhenTheUpstreamIsDown) {
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

TEST_F(GatewayTest, EnforcesTheClientsDeadlineAndTheDefault) {
  options_.config.mutable_limits()->mutable_default_timeout()->set_nanos(100'000'000);
  Start();
  EXPECT_EQ(client_->Get("/t/wait", "grpc-timeout: 50m\r\n").status, 504);
  EXPECT_EQ(client_->Get("/t/wait").status, 504);
}

TEST_F(GatewayTest, CancelsTheCallWhenTheClientGoes) {
  Start();
  client_->Send("GET", "/t/wait");
  while (server_.waiting() == 0) std::this_thread::yield();
  client_ = nullptr;
  while (server_.cancelled() == 0) std::this_thread::yield();
  EXPECT_EQ(server_.cancelled(), 1);
}

// --- Headers.

TEST_F(GatewayTest, MapsRequestHeadersToMetadata) {
  options_.config.mutable_headers()->add_forward_request("X-Custom");
  Start();
  const RawResponse response = client_->Get(
      "/t/metadata",
      "Authorization: Bearer t\r\nX-Custom: c\r\nX-Other: o\r\nGrpc-Metadata-Mine: m\r\nX-Stratus-Tenant: evil\r\n"
      "Grpc-Metadata-X-Stratus-Tenant: evil\r\nX-Request-Id: id-1\r\nX-Forwarded-For: 10.0.0.1\r\n"
      "User-Agent: test/1\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
  EXPECT_EQ(response.headers.at("x-request-id"), "id-1");
  for (const char* label : {R"("authorization":"Bearer t")", R"("x-custom":"c")", R"("mine":"m")",
                            R"("x-request-id":"id-1")", R"("x-forwarded-for":"127.0.0.1")",
                            R"("x-user-agent":"test/1")", R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c)"}) {
    EXPECT_THAT(response.body, HasSubstr(label));
  }
  EXPECT_THAT(response.body, ::testing::Not(HasSubstr("evil")));
  EXPECT_THAT(response.body, ::testing::Not(HasSubstr("x-other")));
}

TEST_F(GatewayTest, MakesARequestIdWhenThereIsNone) {
  Start();
  const RawResponse first = client_->Get("/t/metadata");
  const RawResponse second = client_->Get("/t/metadata", "X-Request-Id: has spaces\r\n");
  EXPECT_EQ(first.headers.at("x-request-id").size(), 32u);
  EXPECT_EQ(second.headers.at("x-request-id").size(), 32u);
  EXPECT_NE(first.headers.at("x-request-id"), second.headers.at("x-request-id"));
}

TEST_F(GatewayTest, AnswersCorsPreflightsByConfiguration) {
  options_.config.mutable_cors()->add_allow_origins("https://app.example.com");
  Start();
  client_->Send("OPTIONS", "/t/echo", "Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n");
  const RawResponse allowed = client_->Receive();
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.headers.at("access-control-allow-origin"), "https://app.example.com");
  EXPECT_THAT(allowed.headers.at("access-control-allow-methods"), HasSubstr("POST"));
  client_->Send("OPTIONS", "/t/echo", "Origin: https://evil.example.com\r\nAccess-Control-Request-Method: POST\r\n");
  EXPECT_EQ(client_->Receive().headers.count("access-control-allow-origin"), 0u);
  EXPECT_EQ(client_->Get("/t/items/1", "Origin: https://app.example.com\r\n").headers.at("access-control-allow-origin"),
            "https://app.example.com");
}

// --- REST, streams.

TEST_F(GatewayTest, StreamsInTheFormThatAcceptChooses) {
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

TEST_F(GatewayTest, StreamsHttpBodies) {
  Start();
  const RawResponse response = client_->Get("/t/download?count=2");
  EXPECT_EQ(response.headers.at("content-type"), "text/csv");
  EXPECT_EQ(response.body, "row 0\nrow 1\n");
}

TEST_F(GatewayTest, AnErrorBeforeTheFirstMessageHasItsOwnStatus) {
  Start();
  const RawResponse response = client_->Get("/t/stream?count=0&code=7");
  EXPECT_EQ(response.status, 403);
  EXPECT_TRUE(response.complete);
}

TEST_F(GatewayTest, AnErrorInMidStreamCannotBeMistakenForTheEnd) {
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

TEST_F(GatewayTest, ASlowClientStopsTheStreamAndThenGetsAllOfIt) {
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

// --- Authorization.

TEST_F(GatewayTest, AsksForTokensAsTheProtosSay) {
  options_.authenticator = std::make_shared<FakeAuthenticator>();
  Start();
  RawResponse response = client_->Get("/t/items/1");
  EXPECT_EQ(response.status, 401);
  EXPECT_THAT(response.headers.at("www-authenticate"), HasSubstr("Bearer"));
  EXPECT_THAT(response.body, HasSubstr(R"("code":16)"));
  response = client_->Get("/t/items/1", "Authorization: Bearer bad\r\n");
  EXPECT_EQ(response.status, 401);
  EXPECT_THAT(response.headers.at("www-authenticate"), HasSubstr("invalid_token"));
  response = client_->Get("/t/items/1", "Authorization: Bearer poor\r\n");
  EXPECT_EQ(response.status, 403);
  EXPECT_THAT(response.headers.at("www-authenticate"), HasSubstr("insufficient_scope"));
  EXPECT_EQ(client_->Get("/t/items/1", "Authorization: Bearer good\r\nAuthorization: Bearer good\r\n").status, 400);
  EXPECT_EQ(client_->Get("/t/unruled", "Authorization: Bearer good\r\n").status, 403);
  EXPECT_EQ(client_->Get("/t/items/1", "Authorization: Bearer good\r\n").status, 200);
  EXPECT_EQ(client_->Get("/t/items/1", "Authorization: Bearer late\r\n").status, 200);
  EXPECT_EQ(client_->Get("/t/metadata").status, 200) << "public";
  client_->Send("POST", "/t/echo", "Authorization: Bearer late\r\nContent-Type: application/json\r\n",
                R"({"count":1})");
  EXPECT_EQ(client_->Receive().body, R"({"count":"1"})");
}

TEST_F(GatewayTest, AsksForTokensOverGrpcToo) {
  options_.authenticator = std::make_shared<FakeAuthenticator>();
  Start();
  auto stub = Stub();
  Item reply;
  for (const auto& [token, code] :
       {std::pair{"", grpc::StatusCode::UNAUTHENTICATED}, std::pair{"Bearer bad", grpc::StatusCode::UNAUTHENTICATED},
        std::pair{"Bearer poor", grpc::StatusCode::PERMISSION_DENIED}, std::pair{"Bearer late", grpc::StatusCode::OK},
        std::pair{"Bearer good", grpc::StatusCode::OK}}) {
    grpc::ClientContext context;
    if (*token != 0) context.AddMetadata("authorization", token);
    EXPECT_EQ(stub->Get(&context, Item(), &reply).error_code(), code) << token;
  }
}

// --- gRPC.

TEST_F(GatewayTest, PassesUnaryCallsThrough) {
  Start();
  auto stub = Stub();
  grpc::ClientContext context;
  context.AddMetadata("x-custom-bin", std::string("\0\1\2", 3));
  context.AddMetadata("x-stratus-tenant", "evil");
  Item reply;
  ASSERT_TRUE(stub->Metadata(&context, Item(), &reply).ok());
  EXPECT_EQ(reply.labels().at("x-custom-bin"), std::string("\0\1\2", 3));
  EXPECT_EQ(reply.labels().count("x-stratus-tenant"), 0u);
  EXPECT_EQ(reply.labels().at("x-forwarded-for"), "127.0.0.1");
}

TEST_F(GatewayTest, PassesErrorsWithDetailsThrough) {
  Start();
  auto stub = Stub();
  grpc::ClientContext context;
  testing::v1::FailRequest request;
  request.set_code(9);
  request.set_message("100% không");
  Item reply;
  const grpc::Status status = stub->Fail(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "100% không");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.details_size(), 2);
}

TEST_F(GatewayTest, PassesAllKindsOfStreamsThrough) {
  Start();
  auto stub = Stub();
  {
    grpc::ClientContext context;
    StreamRequest request;
    request.set_count(500);
    request.set_size(5000);
    auto reader = stub->Stream(&context, request);
    Item item;
    int count = 0;
    while (reader->Read(&item)) EXPECT_EQ(item.count(), count++);
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(count, 500);
  }
  {
    grpc::ClientContext context;
    Item item, reply;
    item.set_name(std::string(20'000, 'x'));
    auto writer = stub->Collect(&context, &reply);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(writer->Write(item));
    writer->WritesDone();
    EXPECT_TRUE(writer->Finish().ok());
    EXPECT_EQ(reply.count(), 200);
  }
  {
    grpc::ClientContext context;
    auto chat = stub->Chat(&context);
    Item item;
    for (int i = 0; i < 20; ++i) {
      item.set_count(i);
      ASSERT_TRUE(chat->Write(item));
      ASSERT_TRUE(chat->Read(&item));
      EXPECT_EQ(item.count(), i);
    }
    chat->WritesDone();
    EXPECT_TRUE(chat->Finish().ok());
  }
}

TEST_F(GatewayTest, CarriesDeadlineAndCancellationOfGrpcCalls) {
  Start();
  auto stub = Stub();
  Item reply;
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
    EXPECT_EQ(stub->Wait(&context, Item(), &reply).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  while (server_.cancelled() != server_.waiting()) std::this_thread::yield();
  const int before = server_.waiting();
  grpc::ClientContext context;
  std::thread canceller([&] {
    while (server_.waiting() == before) std::this_thread::yield();
    context.TryCancel();
  });
  EXPECT_EQ(stub->Wait(&context, Item(), &reply).error_code(), grpc::StatusCode::CANCELLED);
  canceller.join();
  while (server_.cancelled() != server_.waiting()) std::this_thread::yield();
}

TEST_F(GatewayTest, CallsUnknownMethodsUnimplemented) {
  Start();
  grpc::ClientContext context;
  auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
  grpc::TemplatedGenericStub<Item, Item> stub(channel);
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, "/no.such.Service/Method", Item(), &queue);
  call->StartCall();
  Item reply;
  grpc::Status status;
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("unknown method"));
}

// --- Built-in pages, configuration, life cycle.

TEST_F(GatewayTest, ServesItsOwnPages) {
  options_.config.mutable_paths()->set_health("/up");
  Start();
  EXPECT_EQ(client_->Get("/up").body, R"({"status":"ok"})");
  EXPECT_EQ(client_->Get("/health").status, 404);
  const RawResponse document = client_->Get("/openapi.json");
  EXPECT_EQ(document.status, 200);
  EXPECT_THAT(document.body, HasSubstr("/t/echo"));
  EXPECT_EQ(client_->Get("/openapi.json", absl::StrCat("If-None-Match: ", document.headers.at("etag"), "\r\n")).status,
            304);
  client_->Send("POST", "/up", kJson, "{}");
  EXPECT_EQ(client_->Receive().status, 405);
}

TEST_F(GatewayTest, RefusesAWrongConfigurationByName) {
  options_.listen = *core::ParseAddress("127.0.0.1:0");
  options_.descriptors = testing::ShapesDescriptors();
  EXPECT_THAT(std::string(Gateway::Start(options_).status().message()), HasSubstr("upstreams"));
  options_.config.add_upstreams()->set_address(server_.address());
  options_.config.mutable_limits()->set_header_bytes_max(3);
  EXPECT_THAT(std::string(Gateway::Start(options_).status().message()), HasSubstr("limits.header_bytes_max"));
  options_.config.clear_limits();
  options_.descriptors.mutable_file(0)->clear_name();
  EXPECT_EQ(Gateway::Start(options_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(GatewayTest, RefusesDescriptorsWithAMissingImport) {
  options_.listen = *core::ParseAddress("127.0.0.1:0");
  options_.config.add_upstreams()->set_address(server_.address());
  google::protobuf::FileDescriptorProto* file = options_.descriptors.add_file();
  file->set_name("lonely.proto");
  file->add_dependency("missing.proto");
  const auto started = Gateway::Start(options_);
  EXPECT_EQ(started.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("lonely.proto"));
}

TEST_F(GatewayTest, DrainLetsTheCallsInFlightEnd) {
  Start();
  client_->Send("GET", "/t/wait", "grpc-timeout: 300m\r\n");
  while (server_.waiting() == 0) std::this_thread::yield();
  std::thread drain([this] { gateway_->Drain(absl::Seconds(10)); });
  EXPECT_EQ(client_->Receive().status, 504);
  drain.join();
}

TEST_F(GatewayTest, WritesAnAccessLineWithoutTokensOrQueries) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  options_.authenticator = std::make_shared<FakeAuthenticator>();
  options_.call_log = std::make_shared<telemetry::CallLog>(telemetry::CallLogOptions{.fd = ends[1]});
  Start();
  client_->Get("/t/items/1?count=12345", "Authorization: Bearer good\r\nX-Request-Id: id-7\r\n");
  client_ = nullptr;
  gateway_ = nullptr;
  options_.call_log = nullptr;
  ::close(ends[1]);
  std::string log(4096, '\0');
  log.resize(static_cast<size_t>(::read(ends[0], log.data(), log.size())));
  ::close(ends[0]);
  for (const char* part :
       {R"("requestId":"id-7")", R"("clientId":"client-1")", R"("route":"/t/{name=items/*}")",
        R"("method":"stratus.gateway.testing.v1.Shapes.Get")", R"("status":200)", R"("code":"OK")"}) {
    EXPECT_THAT(log, HasSubstr(part));
  }
  EXPECT_THAT(log, ::testing::Not(HasSubstr("good")));
  EXPECT_THAT(log, ::testing::Not(HasSubstr("12345")));
}

}  // namespace
}  // namespace stratus::gateway
