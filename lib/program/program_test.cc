#include "lib/program/program.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/core/log.h"
#include "lib/core/mutex.h"
#include "lib/http_client/http_client.h"

namespace stratus::program {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSecret[] = "s3cr3t-0123456789abcdef";

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() {
    flags_.admin_listen = "127.0.0.1:0";
    flags_.access_log = "off";
    AddFlags(&app_, &flags_);
    core::SetLogSink([this](std::string_view line) {
      core::MutexLock lock(mutex_);
      log_ += line;
    });
  }
  ~ProgramTest() override {
    core::SetLogSink(nullptr);
    core::SetLogLevel(core::Severity::kInfo);
  }

  void Start(const std::vector<std::string>& arguments = {}) {
    app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    const Environment environment = [](std::string_view name) -> std::optional<std::string> {
      if (name == "OTEL_EXPORTER_OTLP_ENDPOINT") return "http://127.0.0.1:1";
      if (name == "OTEL_EXPORTER_OTLP_HEADERS") return absl::StrCat("x-key=", kSecret);
      return std::nullopt;
    };
    auto started = Program::Start({.name = "stratus-test", .app = &app_, .flags = flags_, .environment = environment});
    ASSERT_TRUE(started.ok()) << started.status();
    program_ = *std::move(started);
  }
  std::string Get(const std::string& path) {
    const auto reply = client_.Fetch({.url = absl::StrCat("http://", AdminAddress(), path)});
    return reply.ok() ? reply->body : reply.status().ToString();
  }
  // From the log, as nothing else says it here.
  std::string AdminAddress() {
    const std::string log = Log();
    const size_t at = log.find("admin=") + 6;
    return log.substr(at, log.find_first_of("\" ", at) - at);
  }
  std::string Log() {
    core::MutexLock lock(mutex_);
    return log_;
  }

  CLI::App app_;
  Flags flags_;
  core::Mutex mutex_;
  std::string log_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Program> program_;
  http_client::Client client_{{.attempts_max = 1}};
};

TEST_F(ProgramTest, SaysWhatItIsAndWhatItRunsWith) {
  Start();
  ASSERT_TRUE(program_->Ready({{"test", "127.0.0.1:1"}}).ok());
  EXPECT_THAT(Get("/metrics"), HasSubstr(absl::StrCat("stratus_build_info{program=\"stratus-test\",version=\"",
                                                      std::string(Version()), "\"} 1\n")));
  const auto config = nlohmann::json::parse(Get("/config"));
  EXPECT_EQ(config["flags"]["--admin-listen"], "127.0.0.1:0");
  EXPECT_EQ(config["environment"]["OTEL_EXPORTER_OTLP_HEADERS"], "set");
  EXPECT_EQ(config["environment"]["AWS_XRAY_DAEMON_ADDRESS"], "unset");
  EXPECT_THAT(Get("/config"), Not(HasSubstr(kSecret)));
  EXPECT_THAT(Get("/readyz"), HasSubstr("ready"));
}

TEST_F(ProgramTest, BeginsAtTheLogLevelItIsGiven) {
  Start({"--log-level=error"});
  EXPECT_FALSE(core::LogEnabled(core::Severity::kWarning));
}

TEST_F(ProgramTest, AReadyFileThatCannotBeWrittenClosesTheAdminPortAgain) {
  Start({"--ready-file=/nowhere/at/all"});
  EXPECT_FALSE(program_->Ready({}).ok());
  EXPECT_EQ(Log().find("is ready"), std::string::npos);
}

TEST_F(ProgramTest, AWrongAdminAddressIsAnErrorOfTheStart) {
  flags_.admin_listen = "nonsense";
  EXPECT_EQ(Program::Start({.name = "stratus-test", .app = &app_, .flags = flags_}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ProgramTest, IsReadyForNobodyWithoutTheIssuersKeys) {
  Start();
  auth::CognitoOptions options;
  options.issuers = {{.issuer = "http://127.0.0.1:1/issuer", .jwks_url = "http://127.0.0.1:1/jwks"}};
  options.any_client = true;
  const auto checks = program_->StartTokenChecks(std::move(options));
  ASSERT_TRUE(program_->Ready({}).ok());
  EXPECT_THAT(Get("/readyz"), HasSubstr("the issuer's keys have not been fetched yet"));
  EXPECT_THAT(Get("/metrics"), HasSubstr("stratus_auth_checks_total"));
  EXPECT_THAT(Get("/config"), HasSubstr(R"("issuer":"http://127.0.0.1:1/issuer")"));
}

}  // namespace
}  // namespace stratus::program
