// The Connect protocol at the door: unary by POST and GET, streams, in JSON and binary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/filter/content_coding.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/testing/gateway_fixture.h"
#include "google/rpc/error_details.pb.h"

namespace stratus::gateway {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RawResponse;
using testing::v1::FailRequest;
using testing::v1::Item;
using testing::v1::StreamRequest;

constexpr char kService[] = "/stratus.gateway.testing.v1.Shapes/";
constexpr char kJson[] = "Content-Type: application/json\r\nConnect-Protocol-Version: 1\r\n";
constexpr char kProto[] = "Content-Type: application/proto\r\nConnect-Protocol-Version: 1\r\n";
constexpr char kJsonStream[] = "Content-Type: application/connect+json\r\nConnect-Protocol-Version: 1\r\n";
constexpr char kProtoStream[] = "Content-Type: application/connect+proto\r\nConnect-Protocol-Version: 1\r\n";

std::string Envelope(std::string_view message) {
  std::string out(proxy::kPrefixBytes, '\0');
  proxy::WritePrefix(message.size(), out.data());
  return out.append(message);
}

struct Stream {
  std::vector<std::string> messages;
  std::string end;     // what the last envelope says
  bool whole = false;  // nothing stands behind it
};

Stream Parse(std::string_view body) {
  Stream parsed;
  while (body.size() >= proxy::kPrefixBytes && !parsed.whole) {
    size_t length = 0;
    for (size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
    const bool end = body[0] == 2;
    const std::string content(body.substr(proxy::kPrefixBytes, length));
    body.remove_prefix(std::min(body.size(), proxy::kPrefixBytes + length));
    if (end) {
      parsed.end = content;
      parsed.whole = body.empty();
    } else {
      parsed.messages.push_back(content);
    }
  }
  return parsed;
}

class GatewayConnectTest : public testing::GatewayFixture {
 protected:
  RawResponse Call(const std::string& method, const std::string& headers, const std::string& body) {
    client_->Send("POST", kService + method, headers, body);
    return client_->Receive();
  }
  Stream CallStream(const std::string& method, const std::string& headers, const std::string& body) {
    const RawResponse response = Call(method, headers, body);
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(response.complete);
    const Stream stream = Parse(response.body);
    EXPECT_TRUE(stream.whole) << absl::CHexEscape(response.body);
    return stream;
  }
};

TEST_F(GatewayConnectTest, CarriesAUnaryCallInJson) {
  Start();
  const RawResponse response = Call("Echo", kJson, R"({"name":"cà phê","count":"7"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_EQ(response.body, R"({"name":"cà phê","count":"7"})");
}

TEST_F(GatewayConnectTest, CarriesAUnaryCallInBinary) {
  Start();
  Item item;
  item.set_name("n");
  item.set_count(3);
  const RawResponse response = Call("Echo", kProto, item.SerializeAsString());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "application/proto");
  Item echoed;
  ASSERT_TRUE(echoed.ParseFromString(response.body));
  EXPECT_EQ(echoed.SerializeAsString(), item.SerializeAsString());
  EXPECT_EQ(Call("Echo", kProto, "").status, 200) << "an empty message";
}

TEST_F(GatewayConnectTest, NeedsNoHeaderWhereNoTemplateHoldsThePath) {
  Start();
  EXPECT_EQ(Call("Echo", "Content-Type: application/json\r\n", R"({"name":"n"})").body, R"({"name":"n"})");
  EXPECT_EQ(Call("Echo", "Content-Type: application/proto\r\n", "").status, 200);
  EXPECT_EQ(Call("Echo", "Content-Type: text/plain\r\n", "x").status, 415);
  EXPECT_EQ(Call("NoSuchMethod", kJson, "{}").status, 404);
}

TEST_F(GatewayConnectTest, TellsErrorsInItsOwnForm) {
  Start();
  const RawResponse response = Call("Fail", kJson, R"({"code":8,"message":"too \"much\""})");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_EQ(response.headers.at("retry-after"), "7");
  google::rpc::ErrorInfo info;
  info.set_reason("BECAUSE");
  info.set_domain("test");
  std::string value = absl::Base64Escape(info.SerializeAsString());
  while (value.back() == '=') value.pop_back();
  EXPECT_THAT(response.body, HasSubstr(R"({"code":"resource_exhausted","message":"too \"much\"","details":[)"));
  EXPECT_THAT(response.body, HasSubstr(R"({"type":"google.rpc.ErrorInfo","value":")" + value + "\"}"));
  EXPECT_EQ(Call("Fail", kProto, "\x08\x05").body.substr(0, 19), R"({"code":"not_found")") << "JSON for binary too";
  EXPECT_EQ(Call("Fail", kJson, R"({"code":1})").status, 499);
}

TEST_F(GatewayConnectTest, SaysWhatIsWrongWithARequest) {
  Start();
  const RawResponse bad_json = Call("Echo", kJson, R"({"nam":"x"})");
  EXPECT_EQ(bad_json.status, 400);
  EXPECT_THAT(bad_json.body, AllOf(HasSubstr(R"("code":"invalid_argument")"), HasSubstr("nam")));
  const RawResponse version = Call("Echo", "Content-Type: application/json\r\nConnect-Protocol-Version: 2\r\n", "{}");
  EXPECT_EQ(version.status, 400);
  EXPECT_THAT(version.body, HasSubstr("connect-protocol-version must be 1"));
  EXPECT_EQ(Call("Echo", absl::StrCat(kJson, "Connect-Timeout-Ms: 1e3\r\n"), "{}").status, 400);
  EXPECT_EQ(Call("Echo", absl::StrCat(kJson, "Connect-Timeout-Ms: 12345678901\r\n"), "{}").status, 400);
  EXPECT_EQ(Call("Echo", absl::StrCat(kJson, "Content-Encoding: lz4\r\n"), "{}").status, 501);
  const RawResponse form = Call("Stream", kJson, "{}");
  EXPECT_EQ(form.status, 415);
  EXPECT_EQ(form.headers.at("accept-post"), "application/connect+json, application/connect+proto");
  EXPECT_EQ(Call("Echo", kJsonStream, Envelope("{}")).status, 415);
}

TEST_F(GatewayConnectTest, KeepsToTheClientsTimeout) {
  Start();
  const RawResponse response = Call("Wait", absl::StrCat(kJson, "Connect-Timeout-Ms: 30\r\n"), "{}");
  EXPECT_EQ(response.status, 504);
  EXPECT_THAT(response.body, HasSubstr("deadline_exceeded"));
}

TEST_F(GatewayConnectTest, CarriesMetadataBothWays) {
  Start();
  const RawResponse response =
      Call("Metadata", absl::StrCat(kJson, "X-Mine: yes\r\nConnect-Timeout-Ms: 60000\r\n"), "{}");
  EXPECT_THAT(response.body, AllOf(HasSubstr(R"("x-mine":"yes")"), Not(HasSubstr("connect-"))));
  EXPECT_EQ(response.headers.at("x-before"), "1");
  EXPECT_EQ(response.headers.at("trailer-x-after"), "2");
  EXPECT_EQ(response.headers.count("grpc-status") + response.headers.count("trailer-grpc-status"), 0u);
}

TEST_F(GatewayConnectTest, TakesAGzippedBody) {
  Start();
  Buffer coded;
  ASSERT_TRUE(filter::MakeBodyWriter(filter::ContentCoding::kGzip, 1)->Write(R"({"name":"packed"})", &coded));
  const std::string headers = absl::StrCat(kJson, "Content-Encoding: gzip\r\n");
  EXPECT_EQ(Call("Echo", headers, std::string(coded.view())).body, R"({"name":"packed"})");
  EXPECT_EQ(Call("Echo", headers, std::string(coded.view().substr(0, coded.size() - 5))).status, 400);
  EXPECT_EQ(Call("Echo", headers, "no gzip").status, 400);
}

TEST_F(GatewayConnectTest, AnswersAGetOfAMethodWithoutSideEffects) {
  Start();
  const std::string path = absl::StrCat(kService, "Metadata?connect=v1&encoding=");
  EXPECT_EQ(client_->Get(path + "json&message=%7B%22name%22%3A%22x%22%7D").status, 200);
  EXPECT_EQ(client_->Get(path + "json&base64=1&message=e30").status, 200);
  Item item;
  item.set_name("?>");
  EXPECT_EQ(
      client_->Get(absl::StrCat(path, "proto&base64=1&message=", absl::WebSafeBase64Escape(item.SerializeAsString())))
          .headers.at("content-type"),
      "application/proto");
  EXPECT_EQ(client_->Get(path + "xml&message=").status, 400);
  EXPECT_EQ(client_->Get(path + "json&message=%7").status, 400);
  EXPECT_EQ(client_->Get(path + "json&base64=1&message=!").status, 400);
  EXPECT_EQ(client_->Get(path + "json&message={}&message={}").status, 400);
  EXPECT_EQ(client_->Get(path + "json&compression=lz4&message={}").status, 501);
  Buffer coded;
  ASSERT_TRUE(filter::MakeBodyWriter(filter::ContentCoding::kGzip, 1)->Write("{}", &coded));
  const std::string packed = absl::WebSafeBase64Escape(std::string(coded.view()));
  EXPECT_EQ(client_->Get(absl::StrCat(path, "json&base64=1&compression=gzip&message=", packed)).status, 200);
  EXPECT_EQ(client_->Get(path + "json&compression=gzip&message={}").status, 400);
  EXPECT_EQ(client_->Get(absl::StrCat(kService, "Echo?connect=v1&encoding=json&message={}")).status, 404);
}

TEST_F(GatewayConnectTest, StreamsReplies) {
  Start();
  const Stream json = CallStream("Stream", kJsonStream, Envelope(R"({"count":3,"size":1})"));
  EXPECT_THAT(json.messages,
              ElementsAre(R"({"name":"x"})", R"({"name":"x","count":"1"})", R"({"name":"x","count":"2"})"));
  EXPECT_EQ(json.end, "{}");
  StreamRequest request;
  request.set_count(2);
  const Stream binary = CallStream("Stream", kProtoStream, Envelope(request.SerializeAsString()));
  ASSERT_EQ(binary.messages.size(), 2u);
  Item item;
  ASSERT_TRUE(item.ParseFromString(binary.messages[1]));
  EXPECT_EQ(item.count(), 1);
}

TEST_F(GatewayConnectTest, EndsAStreamWithItsError) {
  Start();
  const Stream late = CallStream("Stream", kJsonStream, Envelope(R"({"count":1,"code":10})"));
  EXPECT_EQ(late.messages.size(), 1u);
  EXPECT_THAT(late.end, HasSubstr(R"({"error":{"code":"aborted","message":"asked for"})"));
  const Stream early = CallStream("Stream", kJsonStream, Envelope(R"({"cuont":1})"));
  EXPECT_THAT(early.messages, IsEmpty());
  EXPECT_THAT(early.end, AllOf(HasSubstr("invalid_argument"), HasSubstr("cuont")));
}

TEST_F(GatewayConnectTest, TakesStreamsOfRequests) {
  Start();
  const std::string three = Envelope(R"({"name":"a"})") + Envelope("") + Envelope(R"({"name":"c"})");
  EXPECT_THAT(CallStream("Collect", kJsonStream, three).messages, ElementsAre(R"({"count":"3","tags":["a","","c"]})"));
  EXPECT_THAT(CallStream("Chat", kJsonStream, three).messages, ElementsAre(R"({"name":"a"})", "{}", R"({"name":"c"})"));
  EXPECT_THAT(CallStream("Collect", kJsonStream, three.substr(0, three.size() - 1)).end,
              HasSubstr("in the middle of a message"));
  std::string flagged = three;
  flagged[0] = 1;
  EXPECT_THAT(CallStream("Collect", kJsonStream, flagged).end, HasSubstr("compressed"));
  EXPECT_THAT(CallStream("Collect", absl::StrCat(kJsonStream, "Connect-Content-Encoding: lz4\r\n"), three).end,
              HasSubstr("unimplemented"));
}

TEST_F(GatewayConnectTest, TakesCompressedMessagesOfAStream) {
  options_.config.mutable_limits()->set_request_body_bytes_max(1000);
  Start();
  const std::string headers = absl::StrCat(kJsonStream, "Connect-Content-Encoding: zstd\r\n");
  const auto packed = [](const std::string& message) {
    Buffer coded;
    EXPECT_TRUE(filter::MakeBodyWriter(filter::ContentCoding::kZstd, 1)->Write(message, &coded));
    std::string envelope = Envelope(coded.view());
    envelope[0] = 1;
    return envelope;
  };
  EXPECT_THAT(CallStream("Collect", headers, packed(R"({"name":"a"})") + Envelope(R"({"name":"b"})")).messages,
              ElementsAre(R"({"count":"2","tags":["a","b"]})"));
  EXPECT_THAT(CallStream("Collect", headers, packed(std::string(5000, ' '))).end, HasSubstr("resource_exhausted"));
  client_ = std::make_unique<testing::RawClient>(address());
  std::string bad = Envelope("no gzip");
  bad[0] = 1;
  EXPECT_THAT(CallStream("Collect", headers, bad).end, HasSubstr("not what the connect-content-encoding says"));
}

TEST_F(GatewayConnectTest, BoundsMessages) {
  options_.config.mutable_limits()->set_request_body_bytes_max(1000);
  Start();
  const std::string long_name = absl::StrCat(R"({"name":")", std::string(2000, 'x'), "\"}");
  EXPECT_EQ(Call("Echo", kJson, long_name).status, 429);
  client_ = std::make_unique<testing::RawClient>(address());
  EXPECT_THAT(CallStream("Collect", kJsonStream, Envelope(long_name)).end, HasSubstr("resource_exhausted"));
}

class Refusing final : public auth::Authenticator {
 public:
  auth::Outcome Check(absl::Span<const std::string_view>, const auth::Policy& policy) override {
    auth::Outcome outcome;
    const bool open = policy.kind == auth::Policy::Kind::kPublic;
    outcome.result = open ? auth::Outcome::Class::kAllowed : auth::Outcome::Class::kNoToken;
    return outcome;
  }
  void CheckLater(absl::Span<const std::string_view>, const auth::Policy&,
                  std::function<void(auth::Outcome)>) override {
    ADD_FAILURE() << "nothing is pending";
  }
};

TEST_F(GatewayConnectTest, AsksForTokensAsEveryOtherProtocolDoes) {
  options_.authenticator = std::make_shared<Refusing>();
  Start();
  const RawResponse unary = Call("Echo", kJson, "{}");
  EXPECT_EQ(unary.status, 401);
  EXPECT_THAT(unary.body, HasSubstr(R"({"code":"unauthenticated")"));
  EXPECT_THAT(unary.headers.at("www-authenticate"), HasSubstr("Bearer"));
  EXPECT_THAT(CallStream("Upload", kJsonStream, Envelope("{}")).end, HasSubstr("unauthenticated"));
  EXPECT_EQ(Call("Unruled", "Content-Type: application/json\r\n", "{}").status, 401);
  EXPECT_EQ(Call("Fail", kJson, R"({"code":5})").status, 404) << "public";
}

}  // namespace
}  // namespace stratus::gateway
