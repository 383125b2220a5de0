#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/core/address.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"
#include "lib/http_client/http_client.h"
#include "lib/http_server/http_server.h"

namespace stratus::http_client {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kSecret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

// Whether a signature is right is for the sandbox's own computation to say
// (services/sandbox/xray/otlp_endpoint_test.cc).
class AwsSigningTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server =
        http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"), [this](const http_server::Request& request) {
          core::MutexLock lock(mutex_);
          request_ = request;
          ++requests_;
          return http_server::Response{.status = requests_ == 1 ? first_status_ : 200};
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  Request Signed() {
    Request request;
    request.method = "POST";
    request.url = "http://" + server_->address() + "/v1/traces";
    request.headers = {{"content-type", "application/json"}, {"content-encoding", "gzip"}};
    request.body = std::string("\x1f\x8b\0binary", 9);
    request.aws_signing = AwsSigning{"eu-west-1", "xray", "AKIDEXAMPLE", kSecret, ""};
    return request;
  }

  core::Mutex mutex_;
  http_server::Request request_ ABSL_GUARDED_BY(mutex_);
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;
  int first_status_ = 200;
  std::unique_ptr<http_server::Server> server_;
  Client client_{{.backoff_base = absl::Milliseconds(1), .backoff_max = absl::Milliseconds(2)}};
};

TEST_F(AwsSigningTest, SignsEveryHeaderItWasGiven) {
  ASSERT_TRUE(client_.Fetch(Signed()).ok());
  core::MutexLock lock(mutex_);
  const std::string authorization(request_.Header("authorization"));
  EXPECT_THAT(authorization, StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
  EXPECT_THAT(authorization, HasSubstr("/eu-west-1/xray/aws4_request"));
  EXPECT_THAT(authorization, HasSubstr("SignedHeaders=content-encoding;content-type;host;x-amz-date,"));
  EXPECT_EQ(request_.body, std::string("\x1f\x8b\0binary", 9));
  EXPECT_EQ(request_.Header("x-amz-security-token"), "");
}

TEST_F(AwsSigningTest, SendsAndSignsASessionToken) {
  Request request = Signed();
  request.aws_signing->session_token = std::string(1500, 't') + "/+=";
  const std::string token = request.aws_signing->session_token;
  ASSERT_TRUE(client_.Fetch(std::move(request)).ok());
  core::MutexLock lock(mutex_);
  EXPECT_EQ(request_.Header("x-amz-security-token"), token);
  EXPECT_THAT(std::string(request_.Header("authorization")), HasSubstr(";x-amz-date;x-amz-security-token,"));
}

TEST_F(AwsSigningTest, NeverSendsTheSecret) {
  ASSERT_TRUE(client_.Fetch(Signed()).ok());
  core::MutexLock lock(mutex_);
  for (const auto& [name, value] : request_.headers) EXPECT_THAT(value, Not(HasSubstr(kSecret))) << name;
}

TEST_F(AwsSigningTest, SignsARetryToo) {
  first_status_ = 503;
  const auto reply = client_.Fetch(Signed());
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->attempts, 2);
  core::MutexLock lock(mutex_);
  EXPECT_THAT(std::string(request_.Header("authorization")), StartsWith("AWS4-HMAC-SHA256 "));
}

TEST_F(AwsSigningTest, RefusesWhatItCannotSign) {
  std::vector<Request> requests(8, Signed());
  requests[0].url += "?b=1&a=2";
  requests[1].headers.emplace_back("Authorization", "Bearer x");
  requests[2].aws_signing->access_key_id.clear();
  requests[3].aws_signing->secret_access_key.clear();
  requests[4].aws_signing->region = "eu:west";
  requests[5].aws_signing->session_token = "a\r\nx-evil: 1";
  requests[6].headers.erase(requests[6].headers.begin());  // the content type
  requests[7].headers.emplace_back("x-empty", "");
  for (Request& request : requests) {
    const auto reply = client_.Fetch(std::move(request));
    EXPECT_TRUE(absl::IsInvalidArgument(reply.status())) << reply.status();
    EXPECT_THAT(core::ToStd(reply.status().message()), AllOf(Not(HasSubstr(kSecret)), Not(HasSubstr("x-evil"))));
  }
  core::MutexLock lock(mutex_);
  EXPECT_EQ(requests_, 0);
}

}  // namespace
}  // namespace stratus::http_client
