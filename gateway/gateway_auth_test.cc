// Who may call what, over REST and gRPC, and what the access log says of a call.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "gateway/testing/gateway_fixture.h"
#include "lib/auth/authenticator.h"
#include "lib/telemetry/call_log.h"

namespace stratus::gateway {
namespace {

using ::testing::HasSubstr;
using testing::RawResponse;
using testing::v1::Item;
using GatewayAuthTest = testing::GatewayFixture;

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

TEST_F(GatewayAuthTest, AsksForTokensAsTheProtosSay) {
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

TEST_F(GatewayAuthTest, AsksForTokensOverGrpcToo) {
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

TEST_F(GatewayAuthTest, WritesAnAccessLineWithoutTokensOrQueries) {
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
