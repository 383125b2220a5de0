#include "services/provisioning/remote_state/aws_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "lib/http_server/http_server.h"

namespace stratus::provisioning::remote_state {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// What AWS would answer, until `expires_`.
class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() : clock_(kNow), http_({.attempts_max = 1}) {
    auto server = http_server::Server::Start({.host = "127.0.0.1", .port = 0, .unix_path = ""},
                                             [this](const http_server::Request& request) { return Answer(request); });
    if (!server.ok()) std::abort();
    server_ = *std::move(server);
    url_ = "http://" + server_->address();
  }

  http_server::Response Answer(const http_server::Request& request) {
    core::MutexLock lock(mutex_);
    ++asked_;
    if (status_ != 200) return {.status = status_, .body = "<Error><Code>AccessDenied</Code></Error>"};
    if (request.path == "/latest/api/token" && request.method == "PUT") return {.body = "session"};
    const bool session = request.Header("x-aws-ec2-metadata-token") == "session";
    if (request.path == "/latest/meta-data/iam/security-credentials/" && session) return {.body = "the role"};
    const std::string expires = absl::FormatTime(absl::RFC3339_sec, expires_, absl::UTCTimeZone());
    const bool machine = request.path == "/latest/meta-data/iam/security-credentials/the role" && session;
    if (machine || (request.path == "/container" && request.Header("authorization") == "let me in")) {
      return {.body = absl::StrCat(R"({"AccessKeyId":"id-)", asked_, R"(","SecretAccessKey":"s","Token":"t",)",
                                   R"("Expiration":")", expires, "\"}")};
    }
    if (request.method == "POST" && request.path == "/") {
      form_ = request.body;
      return {.body = absl::StrCat("<R><Credentials><AccessKeyId>sts</AccessKeyId><SecretAccessKey>s</SecretAccessKey>",
                                   "<SessionToken>t</SessionToken><Expiration>", expires,
                                   "</Expiration></Credentials></R>")};
    }
    return {.status = 404};
  }

  std::unique_ptr<CredentialSource> Source() {
    const auto lookup = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = environment_.find(std::string(name));
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    return RoleCredentials(&http_, lookup, "eu-central-1", &clock_);
  }
  void SetStatus(int status) {
    core::MutexLock lock(mutex_);
    status_ = status;
  }
  int asked() {
    core::MutexLock lock(mutex_);
    return asked_;
  }

  core::ManualClock clock_;
  core::Mutex mutex_;
  int asked_ = 0;
  int status_ = 200;
  std::string form_;
  absl::Time expires_ = kNow + absl::Hours(1);
  std::unique_ptr<http_server::Server> server_;
  http_client::Client http_;
  std::string url_;
  std::map<std::string, std::string> environment_;
};

TEST_F(CredentialsTest, TheMachinesRoleIsAskedWithASession) {
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = url_ + "/";
  const auto credentials = Source()->Get();
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->key_id, "id-3");
  EXPECT_EQ(credentials->session_token, "t");
}

TEST_F(CredentialsTest, TheContainersEndpointIsAskedWithItsToken) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/container";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "let me in";
  const auto credentials = Source()->Get();
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->key_id, "id-1");
}

TEST_F(CredentialsTest, AServiceAccountAsksSts) {
  const std::string path = ::testing::TempDir() + "/web-identity-" + std::to_string(getpid());
  std::ofstream(path) << "a.b/c\n";
  environment_ = {
      {"AWS_WEB_IDENTITY_TOKEN_FILE", path}, {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"}, {"AWS_ENDPOINT_URL_STS", url_}};
  const auto credentials = Source()->Get();
  unlink(path.c_str());
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->key_id, "sts");
  EXPECT_THAT(form_, HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"));
  EXPECT_THAT(form_, HasSubstr("WebIdentityToken=a.b%2Fc"));
}

TEST_F(CredentialsTest, TheyAreAskedForAgainBeforeTheyExpire) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/container";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "let me in";
  const auto source = Source();
  EXPECT_EQ(source->Get()->key_id, "id-1");
  clock_.Advance(absl::Minutes(54));
  EXPECT_EQ(source->Get()->key_id, "id-1");
  clock_.Advance(absl::Minutes(2));
  {
    core::MutexLock lock(mutex_);
    expires_ = kNow + absl::Hours(2);
  }
  EXPECT_EQ(source->Get()->key_id, "id-2");
  EXPECT_EQ(source->Get()->key_id, "id-2");
  EXPECT_EQ(asked(), 2);
}

TEST_F(CredentialsTest, TheFormerOnesServeToTheirEndThroughAnOutage) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/container";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "let me in";
  const auto source = Source();
  ASSERT_TRUE(source->Get().ok());
  SetStatus(500);
  clock_.Advance(absl::Minutes(56));
  EXPECT_EQ(source->Get()->key_id, "id-1");
  EXPECT_EQ(source->Get()->key_id, "id-1");
  EXPECT_EQ(asked(), 2) << "not at every call";
  clock_.Advance(absl::Minutes(5));
  EXPECT_TRUE(absl::IsUnavailable(source->Get().status()));
}

TEST_F(CredentialsTest, WithoutAnySourceItSaysWhatToSet) {
  environment_["AWS_EC2_METADATA_DISABLED"] = "true";
  const absl::Status status = Source()->Get().status();
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("AWS_ACCESS_KEY_ID"));
  EXPECT_EQ(asked(), 0);
}

TEST_F(CredentialsTest, ARefusalAndNonsenseAreErrors) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/container";
  EXPECT_FALSE(Source()->Get().ok()) << "without its token";
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/latest/api/token";
  EXPECT_FALSE(Source()->Get().ok());
  SetStatus(403);
  EXPECT_TRUE(absl::IsPermissionDenied(Source()->Get().status()));
}

}  // namespace
}  // namespace stratus::provisioning::remote_state
