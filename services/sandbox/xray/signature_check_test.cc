#include "services/sandbox/xray/signature_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stratus::sandbox::xray {
namespace {

using ::testing::HasSubstr;

// `post-vanilla` of AWS's published test suite for Signature Version 4.
class SignatureCheckTest : public ::testing::Test {
 protected:
  SignatureCheckTest() {
    request_.method = "POST";
    request_.path = "/";
    request_.headers = {
        {"host", "example.amazonaws.com"},
        {"x-amz-date", "20150830T123600Z"},
        {"authorization",
         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
         "SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"}};
  }
  // The problem's type and text, or empty.
  std::string Check() const {
    const auto problem = CheckSignature(request_, accounts_, scope_, now_);
    return problem ? problem->type + ": " + problem->message : "";
  }
  std::string& Header(size_t index) { return request_.headers[index].second; }
  void Replace(const std::string& from, const std::string& to) {
    std::string& header = Header(2);
    header.replace(header.find(from), from.size(), to);
  }

  http_server::Request request_;
  std::vector<AwsAccount> accounts_ = {{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""}};
  SignatureScope scope_ = {"us-east-1", "service"};
  absl::Time now_ = absl::FromUnixSeconds(1440938160);  // 2015-08-30 12:36:00
};

TEST_F(SignatureCheckTest, TakesWhatAwsPublishedAsRight) { EXPECT_EQ(Check(), ""); }

TEST_F(SignatureCheckTest, RefusesAnotherBodyMethodPathOrHeader) {
  const http_server::Request good = request_;
  request_.body = "x";
  EXPECT_THAT(Check(), HasSubstr("does not match"));
  request_ = good;
  request_.method = "PUT";
  EXPECT_THAT(Check(), HasSubstr("does not match"));
  request_ = good;
  request_.path = "/v1/traces";
  EXPECT_THAT(Check(), HasSubstr("does not match"));
  request_ = good;
  request_.query = "a=b";
  EXPECT_THAT(Check(), HasSubstr("does not match"));
  request_ = good;
  Header(0) = "example.amazonaws.cn";
  EXPECT_THAT(Check(), HasSubstr("does not match"));
}

TEST_F(SignatureCheckTest, RefusesAnotherKey) {
  accounts_[0].secret_access_key.back() = 'Z';
  EXPECT_THAT(Check(), HasSubstr("InvalidSignatureException"));
  accounts_[0].access_key_id = "AKIDOTHER";
  EXPECT_THAT(Check(), HasSubstr("UnrecognizedClientException"));
}

TEST_F(SignatureCheckTest, RefusesAnotherRegionServiceOrDay) {
  scope_.region = "eu-west-1";
  EXPECT_THAT(Check(), HasSubstr("scoped to */eu-west-1/service/aws4_request"));
  scope_ = {"us-east-1", "xray"};
  EXPECT_THAT(Check(), HasSubstr("scoped to */us-east-1/xray/aws4_request"));
  scope_ = {"us-east-1", "service"};
  Replace("/20150830/", "/20150831/");
  EXPECT_THAT(Check(), HasSubstr("date is not x-amz-date's"));
}

TEST_F(SignatureCheckTest, RefusesWhatIsOldOrNotYet) {
  now_ += absl::Minutes(6);
  EXPECT_THAT(Check(), HasSubstr("Signature expired"));
  now_ -= absl::Minutes(12);
  EXPECT_THAT(Check(), HasSubstr("not yet current"));
  Header(1) = "Sun, 30 Aug 2015 12:36:00 GMT";
  EXPECT_THAT(Check(), HasSubstr("x-amz-date is missing or malformed"));
}

TEST_F(SignatureCheckTest, WantsWhatIsAmazonsSigned) {
  request_.headers.emplace_back("content-type", "application/json");
  EXPECT_THAT(Check(), HasSubstr("content-type is not signed"));
  request_.headers.back() = {"x-amz-target", "a"};
  EXPECT_THAT(Check(), HasSubstr("x-amz-target is not signed"));
  request_.headers.pop_back();
  Replace("host;x-amz-date", "x-amz-date");
  EXPECT_THAT(Check(), HasSubstr("host is not signed"));
}

TEST_F(SignatureCheckTest, RefusesASignedHeaderThatDidNotCome) {
  Replace("host;x-amz-date", "expect;host;x-amz-date");
  EXPECT_THAT(Check(), HasSubstr("expect is not in the request"));
  Replace("expect;host;x-amz-date", "x-amz-date;host");
  EXPECT_THAT(Check(), HasSubstr("not in order"));
}

TEST_F(SignatureCheckTest, WantsTheTokenOfTemporaryCredentialsAndNoOther) {
  accounts_[0].session_token = "token";
  EXPECT_THAT(Check(), HasSubstr("security token"));
  request_.headers.emplace_back("x-amz-security-token", "token");
  EXPECT_THAT(Check(), HasSubstr("x-amz-security-token is not signed"));
  accounts_[0].session_token = "";
  EXPECT_THAT(Check(), HasSubstr("security token"));
}

TEST_F(SignatureCheckTest, RefusesWhatIsNoSignature) {
  for (const char* header : {"Bearer x", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b",
                             "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=1", ""}) {
    Header(2) = header;
    EXPECT_THAT(Check(), HasSubstr("IncompleteSignatureException")) << header;
  }
  request_.headers.pop_back();
  EXPECT_THAT(Check(), HasSubstr("MissingAuthenticationTokenException"));
}

}  // namespace
}  // namespace stratus::sandbox::xray
