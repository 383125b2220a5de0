#include "lib/core/redact.h"

#include <string>

#include "gtest/gtest.h"
#include "lib/core/log.h"
#include "lib/core/log_trace.h"

namespace stratus::core {
namespace {

constexpr char kToken[] = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJkZXYifQ.c2lnbmF0dXJl-_0";

TEST(Redact, CutsOutTokensWhereverTheyStand) {
  EXPECT_EQ(Redacted(kToken), "[redacted]");
  EXPECT_EQ(Redacted(std::string("the header was 'Bearer ") + kToken + "', twice"),
            "the header was 'Bearer [redacted]', twice");
  EXPECT_EQ(Redacted("authorization=Basic ZGV2OnNlY3JldDE="), "authorization=[redacted]");
  EXPECT_EQ(Redacted("BEARER 0123456789abcdef"), "BEARER [redacted]");
  EXPECT_EQ(Redacted("dop_v1_0123456789abcdef0123 was refused"), "[redacted] was refused");
  EXPECT_EQ(Redacted("key AKIAIOSFODNN7EXAMPLE"), "key [redacted]");
}

TEST(Redact, CutsOutValuesWhoseNameSaysSecret) {
  EXPECT_EQ(Redacted("GET /data?lat=1&appid=0123abc&units=metric: 500"),
            "GET /data?lat=1&appid=[redacted]&units=metric: 500");
  EXPECT_EQ(Redacted("X-Amz-Signature=abc&X-Amz-Security-Token=def"),
            "X-Amz-Signature=[redacted]&X-Amz-Security-Token=[redacted]");
  EXPECT_EQ(Redacted(R"({"client_secret":"s3cr3t","client_id":"dev"})"),
            R"({"client_secret":"[redacted]","client_id":"dev"})");
  EXPECT_EQ(Redacted("postgresql://app:pass%40word@db:5432/x?sslmode=require"),
            "postgresql://[redacted]@db:5432/x?sslmode=require");
}

TEST(Redact, LeavesSentencesAndIdsAsTheyAre) {
  for (const char* text :
       {"", "a bearer token is needed", "the token: it has expired", "Bearer", "basic authentication",
        "4bf92f3577b34da6a3ce929d0e0e4736", "1-5759e988-bd862e3fe1be46a994272793", "eyJ", "a=b:c",
        "http://127.0.0.1:8080/v1/weather:today?lat=1", "token="}) {
    EXPECT_EQ(Redacted(text), text);
    EXPECT_FALSE(HoldsSecret(text)) << text;
  }
}

TEST(Redact, IsAppliedToEveryLineOfTheLog) {
  std::string line;
  SetLogSink([&line](std::string_view text) { line = text; });
  Log(Severity::kWarning, std::string("refused ") + kToken, {{"reason", "GET /x?appid=0123abc gave 401"}});
  SetLogSink(nullptr);
  EXPECT_EQ(line.find("eyJ"), std::string::npos) << line;
  EXPECT_EQ(line.find("0123abc"), std::string::npos) << line;
  EXPECT_NE(line.find("appid=[redacted] gave 401"), std::string::npos) << line;
}

TEST(ScopedLogTrace, NamesTheTraceInEachLineOfItsThread) {
  std::string lines;
  SetLogSink([&lines](std::string_view text) { lines += text; });
  {
    const ScopedLogTrace outer("4bf92f3577b34da6a3ce929d0e0e4736");
    const ScopedLogTrace none("");
    Log(Severity::kInfo, "apart");
  }
  {
    const ScopedLogTrace scope("4bf92f3577b34da6a3ce929d0e0e4736");
    Log(Severity::kInfo, "a run begins", {{"run", "r1"}});
  }
  Log(Severity::kInfo, "after");
  SetLogSink(nullptr);
  EXPECT_NE(lines.find(R"("run":"r1","traceId":"4bf92f3577b34da6a3ce929d0e0e4736"})"), std::string::npos) << lines;
  EXPECT_EQ(lines.find("traceId"), lines.rfind("traceId")) << lines;
}

}  // namespace
}  // namespace stratus::core
