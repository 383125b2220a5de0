#include "services/provisioning/service/state_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <map>

namespace stratus::provisioning {
namespace {

using ::testing::HasSubstr;

class StateOptionsTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::optional<remote_state::Options>> From(std::vector<std::string> arguments,
                                                            bool development = false) {
    CLI::App app;
    StateFlags flags;
    AddStateFlags(&app, &flags);
    std::reverse(arguments.begin(), arguments.end());
    try {
      app.parse(arguments);
    } catch (const CLI::ParseError& error) {
      return absl::InvalidArgumentError(error.what());
    }
    const auto environment = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = environment_.find(std::string(name));
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    return StateOptionsFrom(flags, environment, development);
  }
  std::string Error(std::vector<std::string> arguments, bool development = false) {
    return std::string(From(std::move(arguments), development).status().message());
  }

  std::map<std::string, std::string> environment_ = {{"AWS_REGION", "eu-central-1"}};
};

TEST_F(StateOptionsTest, WithoutTheFlagStatesAreInTheStore) {
  environment_["AWS_ACCESS_KEY_ID"] = "of something else";
  auto options = From({});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(*options, std::nullopt);
}

TEST_F(StateOptionsTest, ABucketIsEnough) {
  environment_["AWS_ACCESS_KEY_ID"] = "id";
  environment_["AWS_SECRET_ACCESS_KEY"] = "secret";
  environment_["AWS_SESSION_TOKEN"] = "token";
  auto options = From({"--state-backend=s3", "--state-bucket=states"});
  ASSERT_TRUE(options.ok() && options->has_value()) << options.status();
  EXPECT_EQ((*options)->bucket, "states");
  EXPECT_EQ((*options)->prefix, "stratus");
  EXPECT_EQ((*options)->region, "eu-central-1");
  EXPECT_EQ((*options)->endpoint, "");
  EXPECT_EQ((*options)->lock_table, "") << "the lock lies in the bucket";
  EXPECT_EQ((*options)->credentials.key_id, "id");
  EXPECT_EQ((*options)->credentials.secret, "secret");
  EXPECT_EQ((*options)->credentials.session_token, "token");
}

TEST_F(StateOptionsTest, EverythingCanBeSaid) {
  auto options = From({"--state-backend=s3", "--state-bucket=states", "--state-prefix=a/b", "--state-region=eu-west-1",
                       "--state-endpoint=https://minio:9000/", "--state-lock=dynamodb", "--state-lock-table=locks",
                       "--state-lock-endpoint=https://dynamo", "--state-kms-key=alias/states"});
  ASSERT_TRUE(options.ok() && options->has_value()) << options.status();
  EXPECT_EQ((*options)->prefix, "a/b");
  EXPECT_EQ((*options)->region, "eu-west-1") << "the flag beats the variable";
  EXPECT_EQ((*options)->endpoint, "https://minio:9000");
  EXPECT_EQ((*options)->lock_table, "locks");
  EXPECT_EQ((*options)->lock_endpoint, "https://dynamo");
  EXPECT_EQ((*options)->kms_key, "alias/states");
}

TEST_F(StateOptionsTest, EndpointsMayComeFromAwsOwnVariables) {
  environment_["AWS_ENDPOINT_URL"] = "https://all";
  environment_["AWS_ENDPOINT_URL_S3"] = "https://s3";
  auto options = From({"--state-backend=s3", "--state-bucket=states"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ((*options)->endpoint, "https://s3");
  EXPECT_EQ((*options)->lock_endpoint, "https://all");
}

TEST_F(StateOptionsTest, FlagsWithoutTheBackendAreRefused) {
  for (const char* flag :
       {"--state-bucket=states", "--state-prefix=x", "--state-region=x", "--state-endpoint=https://x",
        "--state-lock=dynamodb", "--state-lock-table=locks", "--state-kms-key=x"}) {
    EXPECT_THAT(Error({flag}), HasSubstr("only with --state-backend=s3")) << flag;
  }
  EXPECT_THAT(Error({"--state-backend=s3", "--state-bucket=states", "--state-lock-table=locks"}),
              HasSubstr("only with --state-lock=dynamodb"));
}

TEST_F(StateOptionsTest, WrongValuesAreRefusedByTheFlagsName) {
  const auto error = [this](const std::string& flag) {
    return Error({"--state-backend=s3", "--state-bucket=states", flag});
  };
  EXPECT_THAT(Error({"--state-backend=s3"}), HasSubstr("--state-bucket="));
  EXPECT_THAT(Error({"--state-backend=s3", "--state-bucket=A"}), HasSubstr("--state-bucket=A"));
  EXPECT_THAT(Error({"--state-backend=gcs"}), HasSubstr("--state-backend"));
  EXPECT_THAT(error("--state-lock=dynamodb"), HasSubstr("--state-lock-table="));
  EXPECT_THAT(error("--state-lock=none"), HasSubstr("--state-lock"));
  for (const char* prefix : {"/a", "a/", "a//b", "..", "a/../b", "a b", "a%2F"}) {
    EXPECT_THAT(error(std::string("--state-prefix=") + prefix), HasSubstr("--state-prefix=")) << prefix;
  }
  for (const char* endpoint : {"minio:9000", "ftp://x", "https://", "https://x/path", "https://u:p@x", "https://x?y"}) {
    EXPECT_THAT(error(std::string("--state-endpoint=") + endpoint), HasSubstr("--state-endpoint=")) << endpoint;
  }
  environment_.clear();
  EXPECT_THAT(error("--state-prefix=x"), HasSubstr("--state-region="));
}

TEST_F(StateOptionsTest, PlainHttpIsForLoopbackAndDevelopment) {
  const auto with = [this](const std::string& endpoint, bool development) {
    return From({"--state-backend=s3", "--state-bucket=states", "--state-endpoint=" + endpoint}, development).status();
  };
  EXPECT_TRUE(with("http://127.0.0.1:9000", false).ok());
  EXPECT_TRUE(with("http://localhost", false).ok());
  EXPECT_THAT(std::string(with("http://minio:9000", false).message()), HasSubstr("must be https"));
  EXPECT_TRUE(with("http://minio:9000", true).ok());
}

}  // namespace
}  // namespace stratus::provisioning
