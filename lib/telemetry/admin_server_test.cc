#include "lib/telemetry/admin_server.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/core/log.h"
#include "lib/http_client/http_client.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/readiness.h"

namespace stratus::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class AdminServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<AdminServer>> server =
        AdminServer::Start(*core::ParseAddress("127.0.0.1:0"), metrics_, readiness_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  http_client::Response Send(const std::string& method, const std::string& path) {
    http_client::Request request;
    request.method = method;
    request.url = absl::StrCat("http://", server_->address(), path);
    absl::StatusOr<http_client::Response> response = client_.Fetch(std::move(request));
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : http_client::Response();
  }

  Metrics metrics_;
  Readiness readiness_;
  std::unique_ptr<AdminServer> server_;
  http_client::Client client_{{.attempts_max = 1}};
};

TEST_F(AdminServerTest, ChangesTheLogLevelWhileItRuns) {
  const auto put = [this](const std::string& level) {
    const auto response = client_.Fetch(
        {.method = "PUT", .url = absl::StrCat("http://", server_->address(), "/loglevel"), .body = level});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->status : 0;
  };
  EXPECT_EQ(Send("GET", "/loglevel").body, "{\"level\":\"INFO\"}\n");
  EXPECT_EQ(put("debug\n"), 200);
  EXPECT_TRUE(core::LogEnabled(core::Severity::kDebug));
  EXPECT_EQ(Send("GET", "/loglevel").body, "{\"level\":\"DEBUG\"}\n");
  EXPECT_EQ(put("loud"), 400);
  EXPECT_EQ(put("INFO"), 200);
  EXPECT_FALSE(core::LogEnabled(core::Severity::kDebug));
  const auto refused = Send("DELETE", "/loglevel");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.Header("allow"), "GET, PUT");
}

TEST_F(AdminServerTest, IsAliveWhateverElseFails) {
  readiness_.AddCheck("database", [] { return absl::UnavailableError("no connection"); });
  EXPECT_EQ(Send("GET", "/livez").status, 200);
}

TEST_F(AdminServerTest, SaysWhyItIsNotReady) {
  EXPECT_EQ(Send("GET", "/readyz").status, 200);
  absl::Status keys = absl::UnavailableError("the key set was \"never\" fetched");
  readiness_.AddCheck("jwks", [&keys] { return keys; });
  readiness_.AddCheck("store", [] { return absl::OkStatus(); });
  const http_client::Response response = Send("GET", "/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body,
            "{\"status\":\"not ready\",\"reasons\":[{\"check\":\"jwks\",\"reason\":\"the key set was \\\"never\\\" "
            "fetched\"}]}\n");
  keys = absl::OkStatus();
  EXPECT_EQ(Send("GET", "/readyz").status, 200);
}

TEST_F(AdminServerTest, TellsFactsBesideTheStatus) {
  readiness_.AddFact("isolation", "strict");
  EXPECT_EQ(Send("GET", "/readyz").body, "{\"status\":\"ready\",\"isolation\":\"strict\"}\n");
  readiness_.SetDraining();
  EXPECT_THAT(Send("GET", "/readyz").body, HasSubstr("}],\"isolation\":\"strict\"}"));
}

TEST_F(AdminServerTest, IsNotReadyWhileItDrains) {
  readiness_.SetDraining();
  EXPECT_EQ(Send("GET", "/readyz").status, 503);
  EXPECT_EQ(Send("GET", "/livez").status, 200);
}

TEST_F(AdminServerTest, ServesMetrics) {
  const auto calls = metrics_.NewCounter("calls_total", "Calls.");
  calls->Increment({});
  const http_client::Response response = Send("GET", "/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(std::string(response.Header("content-type")), StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(response.body, HasSubstr("calls_total 1\n"));
}

TEST_F(AdminServerTest, RefusesOtherPathsAndMethods) {
  EXPECT_EQ(Send("GET", "/").status, 404);
  const http_client::Response response = Send("POST", "/metrics");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.Header("allow"), "GET, HEAD");
}

}  // namespace
}  // namespace stratus::telemetry
