#include "lib/auth/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"

namespace stratus::auth {
namespace {

using Class = Outcome::Class;

const Policy kPolicy{.kind = Policy::Kind::kRequired, .any_scope = {"a/read", "b/read"}, .any_group = {"admins"}};
const Policy kGroupPolicy{.kind = Policy::Kind::kRequired, .any_scope = {}, .any_group = {"site admins"}};

absl::Status StatusOf(Class result, const Policy& policy = kPolicy) {
  return ToStatus({result, nullptr, "the reason for the log"}, policy);
}
std::string ChallengeOf(Class result, const Policy& policy = kPolicy) {
  return WwwAuthenticate({result, nullptr, "the reason for the log"}, policy);
}
google::rpc::ErrorInfo InfoOf(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(core::GetDetail(status, &info)) << status;
  return info;
}

TEST(Outcome, AllowedIsOkAndHasNoChallenge) {
  EXPECT_TRUE(StatusOf(Class::kAllowed).ok());
  EXPECT_EQ(ChallengeOf(Class::kAllowed), "");
}

TEST(Outcome, EveryRefusalHasItsCodeReasonAndChallenge) {
  struct Row {
    Class result;
    absl::StatusCode code;
    int http;
    const char* reason;
    const char* challenge;
  };
  const Row rows[] = {
      {Class::kNoToken, absl::StatusCode::kUnauthenticated, 401, "TOKEN_MISSING", "Bearer realm=\"stratus\""},
      {Class::kMalformedRequest, absl::StatusCode::kInvalidArgument, 400, "AUTHORIZATION_MALFORMED",
       "Bearer realm=\"stratus\", error=\"invalid_request\""},
      {Class::kBadToken, absl::StatusCode::kUnauthenticated, 401, "TOKEN_INVALID",
       "Bearer realm=\"stratus\", error=\"invalid_token\""},
      {Class::kInsufficientScope, absl::StatusCode::kPermissionDenied, 403, "SCOPE_MISSING",
       "Bearer realm=\"stratus\", error=\"insufficient_scope\", scope=\"a/read b/read\""},
      {Class::kDenied, absl::StatusCode::kPermissionDenied, 403, "METHOD_DENIED", ""},
      {Class::kUnavailable, absl::StatusCode::kUnavailable, 503, "KEYS_UNAVAILABLE", ""},
      {Class::kPending, absl::StatusCode::kUnavailable, 503, "KEYS_UNAVAILABLE", ""},
  };
  for (const Row& row : rows) {
    const absl::Status status = StatusOf(row.result);
    EXPECT_EQ(status.code(), row.code) << row.reason;
    EXPECT_EQ(core::HttpStatusOf(status.code()), row.http);
    EXPECT_EQ(InfoOf(status).reason(), row.reason);
    EXPECT_EQ(InfoOf(status).domain(), "auth.stratus");
    EXPECT_EQ(ChallengeOf(row.result), row.challenge);
    EXPECT_THAT(std::string(status.message()), ::testing::Not(::testing::HasSubstr("the reason for the log")));
  }
}

TEST(Outcome, AMissingScopeIsNamed) {
  const absl::Status status = StatusOf(Class::kInsufficientScope);
  EXPECT_EQ(InfoOf(status).metadata().at("any_scope"), "a/read b/read");
  EXPECT_EQ(InfoOf(status).metadata().at("any_group"), "admins");
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("a/read b/read"));
}

TEST(Outcome, AGroupIsNoScope) {
  EXPECT_EQ(ChallengeOf(Class::kInsufficientScope, kGroupPolicy),
            "Bearer realm=\"stratus\", error=\"insufficient_scope\"");
  EXPECT_EQ(InfoOf(StatusOf(Class::kInsufficientScope, kGroupPolicy)).metadata().count("any_scope"), 0u);
}

TEST(Outcome, UnavailableSaysWhenToComeBack) {
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(core::GetDetail(StatusOf(Class::kUnavailable), &retry));
  EXPECT_GT(retry.retry_delay().seconds(), 0);
}

TEST(Outcome, BadTokensAreToldApartByTheLogAlone) {
  const absl::Status expired = ToStatus({Class::kBadToken, nullptr, "expired"}, kPolicy);
  const absl::Status forged = ToStatus({Class::kBadToken, nullptr, "signature does not verify"}, kPolicy);
  EXPECT_EQ(expired, forged);
}

}  // namespace
}  // namespace stratus::auth
