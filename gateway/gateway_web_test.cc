// gRPC-Web at the door: binary and text, over HTTP/1.1 and HTTP/2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/http/testing/h2_client.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/testing/gateway_fixture.h"

namespace stratus::gateway {
namespace {

using http::testing::H2Client;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using testing::RawResponse;
using testing::v1::FailRequest;
using testing::v1::Item;
using testing::v1::StreamRequest;

constexpr char kService[] = "/stratus.gateway.testing.v1.Shapes/";
constexpr char kBinary[] = "Content-Type: application/grpc-web+proto\r\nX-Grpc-Web: 1\r\n";
constexpr char kText[] = "Content-Type: application/grpc-web-text\r\nAccept: application/grpc-web-text\r\n";

std::string Frame(const google::protobuf::Message& message) {
  std::string out(proxy::kPrefixBytes, '\0');
  proxy::WritePrefix(message.ByteSizeLong(), out.data());
  return out + message.SerializeAsString();
}

struct WebBody {
  std::vector<std::string> messages;
  std::string trailers;  // of the last frame
  bool whole = false;    // nothing stands behind the trailers
};

WebBody Parse(std::string_view body) {
  WebBody parsed;
  while (body.size() >= proxy::kPrefixBytes && !parsed.whole) {
    size_t length = 0;
    for (int i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[static_cast<size_t>(i)]);
    const bool trailers = (body[0] & 0x80) != 0;
    const std::string content(body.substr(proxy::kPrefixBytes, length));
    body.remove_prefix(std::min(body.size(), proxy::kPrefixBytes + length));
    if (trailers) {
      parsed.trailers = content;
      parsed.whole = body.empty();
    } else {
      parsed.messages.push_back(content);
    }
  }
  return parsed;
}

// As browsers' clients do: every group of four characters by itself, for padding may stand anywhere.
std::string Decode(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size(); at += 4) {
    std::string bytes;
    EXPECT_TRUE(absl::Base64Unescape(text.substr(at, 4), &bytes)) << text.substr(at, 4);
    out += bytes;
  }
  return out;
}

class GatewayWebTest : public testing::GatewayFixture {
 protected:
  RawResponse Call(const std::string& method, const std::string& headers, const std::string& body) {
    client_->Send("POST", kService + method, headers, body);
    return client_->Receive();
  }
  static Item Named(const std::string& name) {
    Item item;
    item.set_name(name);
    return item;
  }
};

TEST_F(GatewayWebTest, CarriesAUnaryCallInBinaryAndInText) {
  Start();
  const Item item = Named("cà phê");
  RawResponse response = Call("Echo", kBinary, Frame(item));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "application/grpc-web+proto");
  WebBody body = Parse(response.body);
  EXPECT_THAT(body.messages, ElementsAre(item.SerializeAsString()));
  EXPECT_THAT(body.trailers, HasSubstr("grpc-status: 0\r\n"));
  EXPECT_TRUE(body.whole);

  response = Call("Echo", kText, absl::Base64Escape(Frame(item)));
  EXPECT_EQ(response.headers.at("content-type"), "application/grpc-web-text+proto");
  body = Parse(Decode(response.body));
  EXPECT_THAT(body.messages, ElementsAre(item.SerializeAsString()));
  EXPECT_THAT(body.trailers, HasSubstr("grpc-status: 0\r\n"));
}

TEST_F(GatewayWebTest, AnswersInTheFormThatAcceptNames) {
  Start();
  const std::string frame = Frame(Named("x"));
  RawResponse response = Call("Echo", absl::StrCat(kBinary, "Accept: */*, application/grpc-web-text\r\n"), frame);
  EXPECT_EQ(Parse(Decode(response.body)).messages.size(), 1u);
  response = Call("Echo", "Content-Type: application/grpc-web-text\r\nAccept: application/grpc-web\r\n",
                  absl::Base64Escape(frame));
  EXPECT_EQ(Parse(response.body).messages.size(), 1u);
}

TEST_F(GatewayWebTest, StreamsFromTheServer) {
  Start();
  StreamRequest request;
  request.set_count(300);
  request.set_size(1000);
  for (const bool text : {false, true}) {
    const std::string frame = Frame(request);
    const RawResponse response = Call("Stream", text ? kText : kBinary, text ? absl::Base64Escape(frame) : frame);
    const WebBody body = Parse(text ? Decode(response.body) : response.body);
    EXPECT_EQ(body.messages.size(), 300u);
    EXPECT_TRUE(body.whole);
    EXPECT_TRUE(response.complete);
  }
}

TEST_F(GatewayWebTest, TakesAStreamOfRequests) {
  Start();
  std::string body;
  for (const char* name : {"a", "b", "c"}) body += absl::Base64Escape(Frame(Named(name)));  // each padded by itself
  const WebBody reply = Parse(Decode(Call("Collect", kText, body).body));
  Item collected;
  ASSERT_EQ(reply.messages.size(), 1u);
  ASSERT_TRUE(collected.ParseFromString(reply.messages[0]));
  EXPECT_THAT(collected.tags(), ElementsAre("a", "b", "c"));
}

TEST_F(GatewayWebTest, AnErrorWithoutMessagesStandsInTheHeaders) {
  Start();
  FailRequest request;
  request.set_code(5);
  request.set_message("100% không");
  const RawResponse response = Call("Fail", kBinary, Frame(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("grpc-status"), "5");
  EXPECT_EQ(response.headers.at("grpc-message"), "100%25 kh%C3%B4ng");
  EXPECT_EQ(response.headers.count("grpc-status-details-bin"), 1u);
  EXPECT_EQ(response.body, "");
}

TEST_F(GatewayWebTest, AnErrorInMidStreamStandsInTheTrailers) {
  Start();
  StreamRequest request;
  request.set_count(1);
  request.set_code(8);
  const WebBody body = Parse(Call("Stream", kBinary, Frame(request)).body);
  EXPECT_EQ(body.messages.size(), 1u);
  EXPECT_THAT(body.trailers, HasSubstr("grpc-status: 8\r\n"));
  EXPECT_TRUE(body.whole);
}

TEST_F(GatewayWebTest, AnswersItsOwnErrorsInGrpcToo) {
  Start();
  EXPECT_EQ(Call("NoSuchMethod", kBinary, Frame(Item())).headers.at("grpc-status"), "12");
  EXPECT_EQ(RawClient(address()).Get("/t/items/1").status, 200);
  for (const char* body : {"!!!!", "AAAA=AAA", "AAA", "A==="}) {
    RawClient client(address());
    client.Send("POST", absl::StrCat(kService, "Echo"), kText, body);
    EXPECT_EQ(client.Receive().headers["grpc-status"], "3") << body;
  }
}

TEST_F(GatewayWebTest, KeepsTheBrowsersOwnHeadersFromTheService) {
  Start();
  const RawResponse response = Call("Metadata",
                                    absl::StrCat(kBinary, "Accept: */*\r\nOrigin: http://a\r\nSec-Fetch-Mode: cors\r\n",
                                                 "Authorization: Bearer t\r\nX-User-Agent: grpc-web-javascript/0.1\r\n",
                                                 "X-Stratus-Tenant: evil\r\n"),
                                    Frame(Item()));
  Item reply;
  const WebBody body = Parse(response.body);
  ASSERT_EQ(body.messages.size(), 1u);
  ASSERT_TRUE(reply.ParseFromString(body.messages[0]));
  EXPECT_EQ(reply.labels().at("authorization"), "Bearer t");
  EXPECT_EQ(reply.labels().at("x-user-agent"), "grpc-web-javascript/0.1");
  for (const char* name : {"accept", "origin", "sec-fetch-mode", "x-grpc-web", "x-stratus-tenant"}) {
    EXPECT_EQ(reply.labels().count(name), 0u) << name;
  }
}

TEST_F(GatewayWebTest, WorksAcrossOrigins) {
  options_.config.mutable_cors()->add_allow_origins("https://app.example.com");
  options_.config.mutable_cors()->add_expose_headers("x-mine");
  Start();
  client_->Send("OPTIONS", absl::StrCat(kService, "Echo"),
                "Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n"
                "Access-Control-Request-Headers: content-type,x-grpc-web\r\n");
  const RawResponse preflight = client_->Receive();
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(preflight.headers.at("access-control-allow-headers"), HasSubstr("x-grpc-web"));
  const RawResponse response =
      Call("Echo", absl::StrCat(kBinary, "Origin: https://app.example.com\r\n"), Frame(Item()));
  EXPECT_EQ(response.headers.at("access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(response.headers.at("access-control-expose-headers"),
            "x-mine, grpc-status, grpc-message, grpc-status-details-bin");
}

TEST_F(GatewayWebTest, RunsOverHttp2) {
  Start();
  H2Client client(gateway_->address());
  const Item item = Named("h2");
  const int32_t stream = client.Request("POST", absl::StrCat(kService, "Echo"),
                                        {{"content-type", "application/grpc-web+proto"}}, Frame(item));
  ASSERT_TRUE(client.WaitForClose(stream));
  const WebBody body = Parse(client.response(stream).body);
  EXPECT_THAT(body.messages, ElementsAre(item.SerializeAsString()));
  EXPECT_THAT(body.trailers, HasSubstr("grpc-status: 0\r\n"));
  EXPECT_TRUE(client.response(stream).trailers.empty());
}

TEST_F(GatewayWebTest, ADeadlineThatIsNoneIsRefusedAsGrpcDoes) {
  Start();
  const RawResponse response = Call("Echo", absl::StrCat(kBinary, "Grpc-Timeout: soon\r\n"), Frame(Item()));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("grpc-status"), "3");
  EXPECT_THAT(response.headers.at("grpc-message"), HasSubstr("grpc-timeout"));
  H2Client client(gateway_->address());
  const int32_t stream =
      client.Request("POST", absl::StrCat(kService, "Echo"),
                     {{"content-type", "application/grpc"}, {"grpc-timeout", "5 minutes"}}, Frame(Item()));
  ASSERT_TRUE(client.WaitForClose(stream));
  EXPECT_EQ(client.response(stream).Trailer("grpc-status"), "3");
}

TEST_F(GatewayWebTest, AConnectionsOwnHeadersNeverComeFromAService) {
  Start();
  const auto saying = [&](const char* name) {
    const RawResponse response = Call("Metadata", absl::StrCat(kBinary, "X-Say-Also: ", name, "\r\n"), Frame(Item()));
    EXPECT_EQ(response.headers.count(name), 0u) << name;
    EXPECT_THAT(Parse(response.body).trailers, Not(HasSubstr(absl::StrCat(name, ":")))) << name;
    return response;
  };
  EXPECT_EQ(saying("trailer").headers.count("x-before"), 1u);
  // RFC 9113, 8.2.2: a response with any of these is malformed. It costs that call alone.
  for (const char* name : {"upgrade", "keep-alive", "proxy-connection"}) {
    EXPECT_THAT(saying(name).headers.at("grpc-message"), HasSubstr("PROTOCOL_ERROR")) << name;
  }
  EXPECT_EQ(Call("Metadata", kBinary, Frame(Item())).headers.count("x-before"), 1u);
}

TEST_F(GatewayWebTest, PlainGrpcStillNeedsHttp2) {
  Start();
  const RawResponse response = Call("Echo", "Content-Type: application/grpc\r\n", Frame(Item()));
  EXPECT_EQ(response.status, 415);
  EXPECT_THAT(response.body, HasSubstr("HTTP/2"));
}

}  // namespace
}  // namespace stratus::gateway
