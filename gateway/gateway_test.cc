// The whole gateway over real sockets: headers, its own pages, configuration, life cycle. Bare HTTP/1.1 at the door, a
// gRPC C++ server behind it.
#include "gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gateway/testing/gateway_fixture.h"

namespace stratus::gateway {
namespace {

using ::testing::HasSubstr;
using testing::RawResponse;
using GatewayTest = testing::GatewayFixture;

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
  client_->Send("POST", "/up", "Content-Type: application/json\r\n", "{}");
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
  client_->Send("GET", "/t/wait", "grpc-timeout: 3S\r\n");
  while (server_.waiting() == 0) std::this_thread::yield();
  std::thread drain([this] { gateway_->Drain(absl::Seconds(10)); });
  EXPECT_EQ(client_->Receive().status, 504);
  drain.join();
}

}  // namespace
}  // namespace stratus::gateway
