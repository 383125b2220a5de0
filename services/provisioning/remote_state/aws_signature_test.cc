#include "services/provisioning/remote_state/aws_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stratus::provisioning::remote_state {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// The account and the requests of "Authenticating Requests: Using the Authorization Header" in Amazon S3's reference.
const AwsCredentials kExample = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const absl::Time kThen = absl::FromDateTime(2013, 5, 24, 0, 0, 0, absl::UTCTimeZone());

std::string Header(const http_client::Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST(AwsSignature, SignsAGetAsTheReferenceDoes) {
  http_client::Request request;
  request.url = "https://examplebucket.s3.amazonaws.com/test.txt";
  request.headers = {{"Range", "bytes=0-9"}};
  Sign(kExample, "us-east-1", "s3", kThen, &request);
  EXPECT_EQ(Header(request, "authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(AwsSignature, SignsAPutAsTheReferenceDoes) {
  http_client::Request request;
  request.method = "PUT";
  request.url = "https://examplebucket.s3.amazonaws.com" + UriPath("/test$file.text");
  request.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.body = "Welcome to Amazon S3.";
  Sign(kExample, "us-east-1", "s3", kThen, &request);
  EXPECT_THAT(Header(request, "authorization"),
              EndsWith("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(AwsSignature, ASessionsTokenIsSentAndSigned) {
  AwsCredentials session = kExample;
  session.session_token = "token";
  http_client::Request request;
  request.url = "http://127.0.0.1:5000/b/k";
  Sign(session, "us-east-1", "s3", kThen, &request);
  EXPECT_EQ(Header(request, "x-amz-security-token"), "token");
  EXPECT_THAT(Header(request, "authorization"), HasSubstr(";x-amz-security-token,"));
}

TEST(AwsSignature, TheSchemesOwnPortIsNotSigned) {
  const auto signature = [](const std::string& url) {
    http_client::Request request;
    request.url = url;
    Sign(kExample, "us-east-1", "s3", kThen, &request);
    return Header(request, "authorization");
  };
  EXPECT_EQ(signature("https://h/k"), signature("https://h:443/k"));
  EXPECT_EQ(signature("http://h/"), signature("http://h:80"));
  EXPECT_NE(signature("http://h/k"), signature("http://h:443/k"));
}

TEST(AwsSignature, AKeyIsEncodedOnceByteByByte) {
  EXPECT_EQ(UriPath("a/b-1_2.~/%41 ü?"), "a/b-1_2.~/%2541%20%C3%BC%3F");
}

}  // namespace
}  // namespace stratus::provisioning::remote_state
