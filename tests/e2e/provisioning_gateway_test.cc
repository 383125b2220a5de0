// The provisioning API through the gateway, as a REST client meets it: the real descriptors, gateway, service and
// store; runs are driven to their ends by the test.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "gateway/gateway.h"
#include "gateway/testing/raw_client.h"
#include "services/provisioning/service/api/openapi_overlay.h"
#include "services/provisioning/service/api/testing/api_fixture.h"

namespace stratus::provisioning::service {
namespace {

using gateway::testing::RawClient;
using gateway::testing::RawResponse;
using ::testing::HasSubstr;

constexpr char kAnn[] = "Authorization: Bearer ann\r\nContent-Type: application/json\r\n";

class ProvisioningGatewayTest : public testing::ApiFixture {
 protected:
  void SetUp() override {
    Start();
    gateway::GatewayOptions options;
    options.listen = *core::ParseAddress("127.0.0.1:0");
    options.config.add_upstreams()->set_address(service_address());
    options.openapi_overlay = OpenApiOverlay(modules_);
    std::ifstream file(STRATUS_DESCRIPTORS, std::ios::binary);
    ASSERT_TRUE(options.descriptors.ParseFromIstream(&file));
    auto started = gateway::Gateway::Start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.status();
    gateway_ = *std::move(started);
    client_ = std::make_unique<RawClient>(gateway_->address().ToString());
  }
  void TearDown() override { gateway_.reset(); }

  RawResponse Send(const std::string& method, const std::string& target, const std::string& body = "",
                   const std::string& headers = "") {
    client_->Send(method, target, kAnn + headers, body);
    return client_->Receive();
  }
  // Ends the run of `POST /note` once it is there.
  std::thread EndWhenBegun() {
    return std::thread([this] {
      while (OpenRuns("ann", "note") == 0) std::this_thread::yield();
      End(Claim().uid, v1::RUN_STATUS_APPLIED, R"({"greeting":{"value":"hi","sensitive":false}})");
    });
  }

  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<RawClient> client_;
};

TEST_F(ProvisioningGatewayTest, TheDirectFormIsAFlatObjectInAndAFlatObjectOut) {
  std::thread runner = EndWhenBegun();
  RawResponse response = Send("POST", "/note", R"({"text":"hello"})");
  runner.join();
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, R"({"greeting":"hi"})");
  runner = EndWhenBegun();
  response = Send("POST", "/note", R"({"text":"bye"})");
  runner.join();
  EXPECT_EQ(response.status, 200);
  runner = EndWhenBegun();
  response = Send("DELETE", "/note");
  runner.join();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "{}");
  EXPECT_EQ(Send("DELETE", "/note").status, 404);
}

TEST_F(ProvisioningGatewayTest, PastTheWaitTheAnswerNamesTheOperation) {
  const RawResponse response = Send("POST", "/note?stack=mine", R"({"text":"hello"})", "Prefer: wait=0\r\n");
  EXPECT_EQ(response.status, 202);
  ASSERT_EQ(response.headers.count("location"), 1u);
  EXPECT_EQ(response.headers.at("preference-applied"), "wait=0");
  const std::string location = response.headers.at("location");
  EXPECT_THAT(response.body, HasSubstr("\"done\":false"));
  EXPECT_THAT(response.body, HasSubstr("\"operation\":\"" + location.substr(4) + "\""));
  const RawResponse operation = Send("GET", location);
  EXPECT_EQ(operation.status, 200);
  EXPECT_THAT(operation.body, HasSubstr("type.googleapis.com/stratus.provisioning.v1.OperationMetadata"));
  EXPECT_EQ(Send("POST", location + ":cancel").status, 200);
  EXPECT_THAT(Send("GET", location).body, HasSubstr("\"done\":true"));
}

TEST_F(ProvisioningGatewayTest, ErrorsAreRpcStatuses) {
  RawResponse response = Send("POST", "/note", R"({"txet":"x"})");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr(R"("field":"variables.text")"));
  EXPECT_THAT(response.body, HasSubstr(R"("field":"variables.txet")"));
  response = Send("POST", "/nota", R"({"text":"x"})");
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(response.body, HasSubstr("did you mean note?"));
  EXPECT_EQ(Send("POST", "/v1/stacks?stackId=a", R"({"module":"modules/note","variables":{"text":"x"}})").status, 200);
  EXPECT_EQ(Send("POST", "/v1/stacks?stackId=a", R"({"module":"modules/note","variables":{"text":"x"}})").status, 409);
  EXPECT_EQ(Send("DELETE", "/v1/stacks/a").status, 409);
}

TEST_F(ProvisioningGatewayTest, BuiltInPathsWinOverModules) {
  EXPECT_EQ(Send("GET", "/health").body, R"({"status":"ok"})");
  EXPECT_THAT(Send("GET", "/openapi.json").body, HasSubstr("\"/{module}\""));
  for (const char* path : {"/health", "/openapi.json"}) {
    const RawResponse response = Send("POST", path, R"({"text":"x"})");
    EXPECT_NE(response.status, 200) << path;
    EXPECT_THAT(response.body, ::testing::Not(HasSubstr("there is no module"))) << path;
  }
}

TEST_F(ProvisioningGatewayTest, EachModuleHasItsOwnForm) {
  const auto document = nlohmann::json::parse(Send("GET", "/openapi.json").body);
  const auto& post = document["paths"]["/note"]["post"];
  const auto& schema = post["requestBody"]["content"]["application/json"]["schema"];
  EXPECT_EQ(schema["properties"]["text"]["type"], "string");
  EXPECT_EQ(schema["properties"]["secret"]["writeOnly"], true);
  EXPECT_EQ(schema["required"], nlohmann::json::array({"text"}));
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(post["responses"]["201"]["content"]["application/json"]["schema"]["properties"]["key"]["type"], "null");
  EXPECT_TRUE(post["responses"].contains("202"));
  EXPECT_TRUE(post["responses"].contains("404"));
  for (const auto& parameter : post["parameters"]) EXPECT_NE(parameter["in"], "path");
  EXPECT_TRUE(document["paths"]["/droplet"].contains("delete"));
  EXPECT_TRUE(document["paths"].contains("/{module}"));
}

TEST_F(ProvisioningGatewayTest, ARunIsWatchedAsLines) {
  ASSERT_EQ(Send("POST", "/note", R"({"text":"x"})", "Prefer: wait=0\r\n").status, 202);
  const store::RunRow run = Claim();
  AppendLog(run.uid, "one");
  End(run.uid, v1::RUN_STATUS_APPLIED);
  const RawResponse response =
      Send("GET", "/v1/stacks/note/runs/" + run.uid + ":watch", "", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("\"message\":\"one\""));
  EXPECT_THAT(response.body, HasSubstr("RUN_STATUS_APPLIED"));
}

TEST_F(ProvisioningGatewayTest, AnIdempotencyKeyCrossesTheGateway) {
  const std::string body = R"({"module":"modules/note","variables":{"text":"x"}})";
  const RawResponse first = Send("POST", "/v1/stacks?stackId=a", body, "Idempotency-Key: k-1\r\n");
  const RawResponse again = Send("POST", "/v1/stacks?stackId=a", body, "Idempotency-Key: k-1\r\n");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(first.body, again.body);
}

}  // namespace
}  // namespace stratus::provisioning::service
