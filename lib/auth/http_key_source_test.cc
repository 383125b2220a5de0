#include "lib/auth/http_key_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "absl/strings/str_cat.h"
#include "lib/auth/cognito_authenticator.h"
#include "lib/auth/testing/token_maker.h"
#include "lib/core/address.h"
#include "lib/http_server/http_server.h"

namespace stratus::auth {
namespace {

std::unique_ptr<http_server::Server> Serve(http_server::Handler handler) {
  auto server = http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"), std::move(handler));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

std::string UrlOf(const http_server::Server& server) {
  return absl::StrCat("http://", server.address(), "/.well-known/jwks.json");
}

http_client::Options FewTries() {
  http_client::Options options;
  options.attempts_max = 1;
  return options;
}

absl::StatusOr<std::string> FetchFrom(const std::string& url) {
  http_client::Client client(FewTries());
  HttpKeySource source(&client, url);
  std::promise<absl::StatusOr<std::string>> result;
  source.Fetch([&](absl::StatusOr<std::string> document) { result.set_value(std::move(document)); });
  return result.get_future().get();
}

TEST(HttpKeySource, FetchesTheDocument) {
  const auto server = Serve([](const http_server::Request& request) {
    EXPECT_THAT(std::string(request.Header("accept")), ::testing::HasSubstr("application/jwk-set+json"));
    return http_server::Response{.status = 200, .headers = {}, .body = "path " + request.path};
  });
  const auto document = FetchFrom(UrlOf(*server));
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(*document, "path /.well-known/jwks.json");
}

TEST(HttpKeySource, AnyStatusButOkIsAnError) {
  for (const int status : {204, 301, 403, 404, 500}) {
    const auto server = Serve([status](const http_server::Request&) {
      return http_server::Response{.status = status, .headers = {}, .body = ""};
    });
    const auto document = FetchFrom(UrlOf(*server));
    EXPECT_EQ(document.status().code(),
              status == 403 || status == 404 ? absl::StatusCode::kNotFound : absl::StatusCode::kUnavailable)
        << status;
    EXPECT_THAT(std::string(document.status().message()), ::testing::HasSubstr(absl::StrCat(status)));
  }
}

TEST(HttpKeySource, ADocumentOverTheLimitIsAnError) {
  const auto server = Serve([](const http_server::Request&) {
    return http_server::Response{.status = 200, .headers = {}, .body = std::string(kJwksBytesMax + 1, ' ')};
  });
  EXPECT_EQ(FetchFrom(UrlOf(*server)).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(HttpKeySource, NobodyListeningIsAnError) {
  EXPECT_EQ(FetchFrom("http://127.0.0.1:1/jwks").status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpKeySource, ItsEndCancelsAFetchAndItsCallbackHasRunByThen) {
  std::promise<void> asked;
  std::promise<void> finish;
  auto finished = finish.get_future().share();
  const auto server = Serve([&](const http_server::Request&) {
    asked.set_value();
    finished.wait();
    return http_server::Response{};
  });
  http_client::Client client(FewTries());
  std::atomic<int> code{-1};
  {
    HttpKeySource source(&client, UrlOf(*server));
    source.Fetch(
        [&](const absl::StatusOr<std::string>& document) { code = static_cast<int>(document.status().code()); });
    asked.get_future().wait();
  }
  EXPECT_EQ(code.load(), static_cast<int>(absl::StatusCode::kCancelled));
  finish.set_value();
}

TEST(HttpKeySource, AnAuthenticatorChecksTokensWithKeysFromARealServer) {
  const auto& key = testing::SharedKey("real");
  const auto server = Serve([&](const http_server::Request&) {
    return http_server::Response{.status = 200, .headers = {}, .body = testing::Jwks({&key})};
  });
  http_client::Client client;
  CognitoOptions options;
  const std::string issuer = absl::StrCat("http://", server->address());
  options.issuers = {{.issuer = issuer, .jwks_url = UrlOf(*server)}};
  options.client_ids = {"client"};
  CognitoAuthenticator authenticator(options, std::make_unique<HttpKeySource>(&client, UrlOf(*server)));
  const std::string value = "Bearer " + key.Sign(testing::AccessClaims(issuer, "client", "a/read", absl::Now()));
  const std::string_view view = value;
  const Policy policy{.kind = Policy::Kind::kRequired, .any_scope = {"a/read"}, .any_group = {}};
  std::promise<Outcome> decided;
  authenticator.CheckLater({&view, 1}, policy, [&](Outcome outcome) { decided.set_value(std::move(outcome)); });
  const Outcome outcome = decided.get_future().get();
  EXPECT_TRUE(outcome.allowed()) << outcome.reason;
  EXPECT_TRUE(authenticator.Check({&view, 1}, policy).allowed());
}

}  // namespace
}  // namespace stratus::auth
