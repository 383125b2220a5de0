#include "services/sandbox/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/core/log.h"
#include "services/sandbox/sandbox_fixture.h"

namespace stratus::sandbox {
namespace {

using testing::HasSubstr;

TEST(SandboxProfile, RefusesToStartAnywhereButInDevelopment) {
  for (const char* profile : {"production", "", "Development", "staging"}) {
    const auto sandbox = Sandbox::Start({.listen = *core::ParseAddress("127.0.0.1:0"), .profile = profile});
    EXPECT_EQ(sandbox.status().code(), absl::StatusCode::kFailedPrecondition) << profile;
    EXPECT_THAT(std::string(sandbox.status().message()), HasSubstr("cannot be used when the profile is"));
  }
  EXPECT_FALSE(Sandbox::Start({.listen = *core::ParseAddress("127.0.0.1:0")}).ok()) << "the default is production";
}

TEST(SandboxProfile, SaysAtStartAndStopWhatItsTokensAreWorth) {
  std::string lines;
  core::SetLogSink([&](std::string_view line) { lines += line; });
  {
    const auto sandbox = Sandbox::Start({.listen = *core::ParseAddress("127.0.0.1:0"), .profile = "development"});
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    EXPECT_THAT(lines, HasSubstr("cannot be used in production"));
    EXPECT_THAT(lines, HasSubstr((*sandbox)->issuer_url()));
  }
  core::SetLogSink(nullptr);
  EXPECT_THAT(lines, HasSubstr("with it the tokens that its issuer gave"));
}

TEST(SandboxProfile, NamesThePublicUrlAsIssuerWhereOneIsGiven) {
  const auto sandbox = Sandbox::Start(
      {.listen = *core::ParseAddress("127.0.0.1:0"), .profile = "development", .public_url = "http://sandbox:8090/"});
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ((*sandbox)->issuer_url(), "http://sandbox:8090/us-east-1_sandbox");
}

TEST_F(SandboxTest, IsReachedWhereItSays) {
  EXPECT_EQ(sandbox_->base_url(), "http://" + sandbox_->address());
  EXPECT_EQ(sandbox_->issuer_url(), sandbox_->base_url() + "/us-east-1_sandbox");
  EXPECT_EQ(Get("/health").json["status"], "ok");
}

TEST_F(SandboxTest, ReportsATakenPort) {
  const auto second = Sandbox::Start({.listen = *core::ParseAddress(sandbox_->address()), .profile = "development"});
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
}

TEST_F(SandboxTest, TellsUnknownPathsFromWrongMethods) {
  EXPECT_EQ(Get("/nowhere").status, 404);
  const Reply reply = PostForm("/v1/forecast", "");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.response.Header("allow"), "GET");
}

}  // namespace
}  // namespace stratus::sandbox
