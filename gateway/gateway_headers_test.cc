// What a client cannot do with headers: reach the service under a name that is not its to use, break other clients'
// calls, or pass for somebody else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/testing/gateway_fixture.h"

namespace stratus::gateway {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using testing::RawResponse;
using testing::v1::Item;
using Metadata = std::map<std::string, std::string>;

class GatewayHeadersTest : public testing::GatewayFixture {
 protected:
  // What the service got of a call by gRPC-Web, whose headers pass through; empty when the call failed.
  Metadata ByWeb(const std::string& headers) {
    const std::string head = absl::StrCat("Content-Type: application/grpc-web+proto\r\n", headers);
    client_->Send("POST", "/stratus.gateway.testing.v1.Shapes/Metadata", head, std::string(proxy::kPrefixBytes, '\0'));
    const std::string body = client_->Receive().body;
    if (body.size() < proxy::kPrefixBytes) return {};
    size_t length = 0;
    for (size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
    Item reply;
    if (!reply.ParseFromString(body.substr(proxy::kPrefixBytes, length))) return {};
    return {reply.labels().begin(), reply.labels().end()};
  }
};

TEST_F(GatewayHeadersTest, WhatConnectionNamesEndsHere) {
  Start();
  const RawResponse rest =
      client_->Get("/t/metadata",
                   "Connection: keep-alive, Idempotency-Key , \r\nIdempotency-Key: 1\r\n"
                   "Connection: grpc-metadata-mine\r\nGrpc-Metadata-Mine: m\r\nPrefer: wait=1\r\n");
  EXPECT_THAT(rest.body, Not(HasSubstr("idempotency-key")));
  EXPECT_THAT(rest.body, Not(HasSubstr("mine")));
  EXPECT_THAT(rest.body, HasSubstr("prefer"));
  const Metadata web = ByWeb("Connection: X-Hop\r\nX-Hop: 1\r\nX-Stays: 2\r\n");
  EXPECT_THAT(web, Not(Contains(Key("x-hop"))));
  EXPECT_THAT(web, Contains(Pair("x-stays", "2")));
}

// A gRPC server that is sent a malformed `-bin` value may fail every later call with that name on the same connection,
// and that one is shared by all clients.
TEST_F(GatewayHeadersTest, BinaryMetadataThatIsNoBase64SpoilsNoOtherCall) {
  Start();
  for (const char* value : {"A", "A=A", "AB", "AAF", "AA===", "====", "A-_A", "AAEC AAEC"}) {
    EXPECT_THAT(ByWeb(absl::StrCat("Mine-Bin: ", value, "\r\nOther: 1\r\n")), Contains(Pair("other", "1"))) << value;
    EXPECT_EQ(client_->Get("/t/metadata", absl::StrCat("Grpc-Metadata-Mine-Bin: ", value, "\r\n")).status, 200)
        << value;
    EXPECT_THAT(ByWeb("Mine-Bin: YWJj\r\n"), Contains(Pair("mine-bin", "abc"))) << value;
  }
  EXPECT_THAT(ByWeb("Mine-Bin: YQ\r\n"), Contains(Pair("mine-bin", "a")));
  EXPECT_THAT(ByWeb("Mine-Bin: YQ==\r\n"), Contains(Pair("mine-bin", "a")));
  // Several values may share a line.
  EXPECT_THAT(ByWeb("Mine-Bin: YWJj, ZGVm,\r\n"), Contains(Pair("mine-bin", "abc|def")));
}

TEST_F(GatewayHeadersTest, AClientMayNotSayWhereItCallsFrom) {
  Start();
  const std::string lies =
      "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=10.0.0.1\r\n"
      "X-Real-Ip: 10.0.0.1\r\n";
  const std::string more =
      "Grpc-Metadata-X-Forwarded-For: 10.0.0.1\r\nGrpc-Metadata-X-Forwarded-Proto: https\r\n"
      "Grpc-Metadata-Forwarded: for=10.0.0.1\r\nGrpc-Metadata-X-Real-Ip: 10.0.0.1\r\n"
      "Grpc-Metadata-Traceparent: a\r\nGrpc-Metadata-X-User-Agent: evil\r\nGrpc-Metadata-User-Agent: evil\r\n";
  const RawResponse rest = client_->Get("/t/metadata", absl::StrCat(lies, more));
  EXPECT_THAT(rest.body, HasSubstr(R"("x-forwarded-for":"127.0.0.1")"));
  for (const char* lie : {"10.0.0.1", "x-forwarded-proto", "x-forwarded-host", "evil", "traceparent"}) {
    EXPECT_THAT(rest.body, Not(HasSubstr(lie))) << lie;
  }
  const Metadata web = ByWeb(lies);
  EXPECT_THAT(web, Contains(Pair("x-forwarded-for", "127.0.0.1")));
  for (const char* name : {"x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip"}) {
    EXPECT_THAT(web, Not(Contains(Key(name))));
  }
}

// RFC 9110, 5.3.
TEST_F(GatewayHeadersTest, SeveralLinesAreOneList) {
  options_.config.mutable_compression()->set_response_bytes_min(1);
  Start();
  const RawResponse lines = client_->Get("/t/stream?count=1", "Accept: text/html\r\nAccept: application/x-ndjson\r\n");
  EXPECT_EQ(lines.headers.at("content-type"), "application/x-ndjson");
  const RawResponse coded = client_->Get("/t/items/1", "Accept-Encoding: br;q=0\r\nAccept-Encoding: gzip\r\n");
  EXPECT_EQ(coded.headers.at("content-encoding"), "gzip");
}

// RFC 9110, 8.6: a length that GET would not have must not be told.
TEST_F(GatewayHeadersTest, TheHeadOfAStreamIsThatOfAGet) {
  Start();
  for (const char* accept : {"", "Accept: application/x-ndjson\r\n", "Accept: text/event-stream\r\n"}) {
    for (const char* target : {"/t/stream?count=2", "/t/stream?count=0", "/t/download?count=2"}) {
      RawResponse get = client_->Get(target, accept);
      client_->Send("HEAD", target, accept);
      RawResponse head = client_->Receive(/*head=*/true);
      EXPECT_EQ(head.body, "");
      for (Metadata* headers : {&get.headers, &head.headers}) {
        headers->erase("date");
        headers->erase("x-request-id");
      }
      EXPECT_EQ(head.headers, get.headers) << target << accept;
      EXPECT_EQ(head.headers.count("content-length"), 0u);
    }
  }
  EXPECT_EQ(client_->Get("/t/items/1").status, 200) << "the connection goes on";
}

TEST_F(GatewayHeadersTest, ATrustedProxyMay) {
  options_.config.mutable_headers()->add_trusted_proxies("127.0.0.0/8");
  Start();
  const std::string said =
      "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: api.example.com\r\nX-Real-Ip: 10.0.0.1\r\n";
  const RawResponse rest = client_->Get("/t/metadata", said);
  EXPECT_THAT(rest.body, HasSubstr(R"("x-forwarded-for":"9.9.9.9, 192.0.2.7, 127.0.0.1")"));
  EXPECT_THAT(rest.body, HasSubstr(R"("x-forwarded-proto":"https")"));
  EXPECT_THAT(rest.body, HasSubstr(R"("x-forwarded-host":"api.example.com")"));
  EXPECT_THAT(rest.body, Not(HasSubstr("x-real-ip")));
  const Metadata web = ByWeb(said);
  EXPECT_THAT(web, Contains(Pair("x-forwarded-for", "9.9.9.9, 192.0.2.7, 127.0.0.1")));
  EXPECT_THAT(web, Contains(Pair("x-forwarded-proto", "https")));
  EXPECT_THAT(web, Not(Contains(Key("x-real-ip"))));
}

TEST_F(GatewayHeadersTest, RefusesWhatIsNoNetwork) {
  options_.config.mutable_headers()->add_trusted_proxies("10.0.0.0/33");
  options_.listen = *core::ParseAddress("127.0.0.1:0");
  options_.descriptors = testing::ShapesDescriptors();
  options_.config.add_upstreams()->set_address(server_.address());
  const auto started = Gateway::Start(options_);
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("headers.trusted_proxies[0]"));
}

}  // namespace
}  // namespace stratus::gateway
