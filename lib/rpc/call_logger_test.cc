#include "lib/rpc/call_logger.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/core/status.h"
#include "lib/rpc/testing/server_fixture.h"

namespace stratus::rpc {
namespace {

using testing::EchoCall;
using testing::EchoRequest;
using testing::EchoResponse;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kToken[] = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJkZXYifQ.c2lnbmF0dXJl";

class CallLoggerTest : public testing::ServerFixture {
 protected:
  CallLoggerTest() {
    EXPECT_EQ(pipe(ends_), 0);
    logger_ = std::make_unique<CallLogger>(
        "stratus-echo", std::make_shared<telemetry::CallLog>(telemetry::CallLogOptions{.fd = ends_[1]}), nullptr);
    options_.observer = logger_.get();
  }
  ~CallLoggerTest() override { close(ends_[0]); }

  grpc::Status Call(const std::string& token, const EchoRequest& request = {}) {
    grpc::ClientContext context;
    Authorize(&context, token);
    context.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    context.AddMetadata("x-api-key", kToken);
    EchoResponse response;
    return stub_->Echo(&context, request, &response);
  }
  // All lines; every call has ended then.
  std::string Lines() {
    server_->Drain(absl::Seconds(5));
    server_.reset();
    logger_.reset();
    close(ends_[1]);
    std::string text;
    char piece[4096];
    for (ssize_t got; (got = read(ends_[0], piece, sizeof(piece))) > 0;) text.append(piece, static_cast<size_t>(got));
    return text;
  }

  int ends_[2];
  std::unique_ptr<CallLogger> logger_;
};

TEST_F(CallLoggerTest, WritesALineACall) {
  Start();
  EchoRequest request;
  request.set_text("ten bytes!");
  ASSERT_TRUE(Call("good", request).ok());
  const std::string line = Lines();
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  for (const char* part :
       {R"("severity":"INFO")", R"("service":"stratus-echo")", R"("traceId":"0af7651916cd43dd8448eb211c80319c")",
        R"("clientId":"client-1")", R"("peer":"ipv4:127.0.0.1:)",
        R"("route":"/stratus.rpc.testing.v1.EchoService/Echo")", R"("code":"OK")", R"("bytesIn":12,)", R"("ms":)"}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
  EXPECT_THAT(line, Not(HasSubstr(R"("bytesOut":0,)")));
}

TEST_F(CallLoggerTest, NoTokenGetsIntoALineByHeadersMessagesOrErrors) {
  service_.on_echo = [](EchoCall call) {
    call->Finish(absl::UnavailableError(absl::StrCat("GET /?appid=0123abc with ", kToken, " failed")));
  };
  Start();
  EchoRequest request;
  request.set_text(kToken);
  EXPECT_FALSE(Call("good", request).ok());
  EXPECT_FALSE(Call(kToken, request).ok());
  const std::string lines = Lines();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_THAT(lines, HasSubstr(R"("code":"UNAVAILABLE")"));
  EXPECT_THAT(lines, HasSubstr(R"("code":"UNAUTHENTICATED")"));
  EXPECT_THAT(lines, Not(HasSubstr("eyJ")));
  EXPECT_THAT(lines, Not(HasSubstr("0123abc")));
}

}  // namespace
}  // namespace stratus::rpc
