#include "lib/telemetry/call_log.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/core/log.h"
#include "lib/telemetry/metrics.h"

namespace stratus::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kToken[] = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJkZXYifQ.c2lnbmF0dXJl";
constexpr char kApiKey[] = "0123456789abcdef0123456789abcdef";

CallLine Line() {
  CallLine line;
  line.time = absl::FromUnixMillis(1700000000007);
  line.service = "stratus-gateway";
  line.request_id = "id\"1";
  line.http_method = "GET";
  line.route = "/v1/{name}";
  line.http_status = 404;
  line.code = absl::StatusCode::kNotFound;
  line.bytes_out = 12;
  line.duration = absl::Microseconds(1034);
  return line;
}

std::string TextOf(const CallLine& line) {
  std::string text;
  AppendCallLine(line, &text);
  return text;
}

// What a log with these options writes, and its metrics.
template <typename Write>
std::string Written(CallLogOptions options, Write write, std::string* metrics = nullptr) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  options.fd = ends[1];
  {
    CallLog log(options);
    write(log);
    Metrics all;
    const auto source = all.AddSource([&log](Snapshot& out) { log.WriteMetrics(out); });
    if (metrics != nullptr) *metrics = all.Scrape();
  }
  close(ends[1]);
  std::string text;
  char piece[4096];
  for (ssize_t got; (got = read(ends[0], piece, sizeof(piece))) > 0;) text.append(piece, static_cast<size_t>(got));
  close(ends[0]);
  return text;
}

int64_t Lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

CallLine Success(std::string_view trace_id) {
  CallLine line;
  line.trace_id = trace_id;
  line.http_status = 200;
  return line;
}

TEST(CallLog, WritesOneJsonObjectALine) {
  EXPECT_EQ(
      TextOf(Line()),
      R"({"time":"2023-11-14T22:13:20.007Z","severity":"WARNING","service":"stratus-gateway","requestId":"id\"1",)"
      R"("httpMethod":"GET","route":"/v1/{name}","status":404,"code":"NOT_FOUND","bytesIn":0,"bytesOut":12,)"
      R"("ms":1.034})"
      "\n");
}

TEST(CallLog, TellsOurFaultsFromMistakesOfCallers) {
  CallLine line = Line();
  line.code = absl::StatusCode::kUnimplemented;
  line.http_status = 405;
  EXPECT_THAT(TextOf(line), HasSubstr(R"("severity":"WARNING")"));
  line.code = absl::StatusCode::kUnavailable;
  line.http_status = 503;
  EXPECT_THAT(TextOf(line), HasSubstr(R"("severity":"ERROR")"));
  line.http_status = 200;
  EXPECT_THAT(TextOf(line), HasSubstr(R"("severity":"ERROR")")) << "a gRPC call";
  line.code = absl::StatusCode::kOk;
  line.http_status = 200;
  EXPECT_THAT(TextOf(line), HasSubstr(R"("severity":"INFO")"));
}

TEST(CallLog, NothingThatACallerMakesUpCarriesACredentialIntoALine) {
  CallLine line = Line();
  line.request_id = kToken;
  line.http_method = kToken;
  const std::string path = absl::StrCat("/v1/", kToken, "/", kApiKey, "/x?appid=", kApiKey, "&token=", kToken);
  line.path = path;
  const std::string text = TextOf(line);
  EXPECT_THAT(text, Not(HasSubstr("eyJ")));
  EXPECT_THAT(text, Not(HasSubstr(kApiKey)));
  EXPECT_THAT(text, HasSubstr(R"("path":"/v1/.../.../x")"));
}

TEST(CallLog, BoundsWhatACallerMakesUp) {
  CallLine line = Line();
  const std::string long_text(100'000, 'a');
  const std::string long_path = absl::StrCat("/", long_text);
  line.request_id = long_text;
  line.http_method = long_text;
  line.path = long_path;
  EXPECT_LT(TextOf(line).size(), 700u);
}

TEST(CallLog, KeepsAllFailuresAndOneInNOfTheRest) {
  std::string metrics;
  const std::string text = Written(
      {.sample_one_in = 10},
      [](CallLog& log) {
        for (int i = 0; i < 1000; ++i) log.Write(Success(absl::StrCat("trace", i)));
        for (int i = 0; i < 50; ++i) log.Write(Line());
      },
      &metrics);
  const int64_t successes = Lines(text) - 50;
  EXPECT_GT(successes, 50);
  EXPECT_LT(successes, 200);
  EXPECT_THAT(metrics, HasSubstr(absl::StrCat("stratus_access_log_skipped_total ", 1000 - successes)));
}

TEST(CallLog, EveryProgramKeepsTheSameCalls) {
  std::string kept[2];
  for (int program = 0; program < 2; ++program) {
    kept[program] = Written({.sample_one_in = 7}, [program](CallLog& log) {
      for (int i = 0; i < 100; ++i) {
        const std::string request_id = absl::StrCat("request", i), trace_id = absl::StrCat(i, "of", program);
        CallLine line = Success(trace_id);
        if (program == 0) line.trace_id = {};  // it traces nothing
        line.request_id = request_id;
        log.Write(line);
      }
    });
    for (size_t at = 0; (at = kept[program].find(",\"traceId\"")) != std::string::npos;) {
      kept[program].erase(at, kept[program].find(',', at + 1) - at);
    }
  }
  EXPECT_GT(Lines(kept[0]), 0);
  EXPECT_LT(Lines(kept[0]), 100);
  EXPECT_EQ(kept[0], kept[1]);
}

TEST(CallLog, KeepsOneInNOfWhatHasNoId) {
  EXPECT_EQ(Lines(Written({.sample_one_in = 10},
                          [](CallLog& log) {
                            for (int i = 0; i < 100; ++i) log.Write(Success(""));
                          })),
            10);
}

TEST(CallLog, LeavesOutHealthChecksUntilTheyFail) {
  CallLine check = Success("t");
  check.health_check = true;
  CallLine failed = check;
  failed.code = absl::StatusCode::kUnavailable;
  const auto write = [&](CallLog& log) {
    log.Write(check);
    log.Write(failed);
  };
  EXPECT_EQ(Lines(Written({}, write)), 1);
  EXPECT_EQ(Lines(Written({.health_checks = true}, write)), 2);
}

TEST(CallLog, FollowsTheLogLevel) {
  core::SetLogLevel(core::Severity::kError);
  const std::string text = Written({}, [](CallLog& log) {
    log.Write(Success("t"));
    log.Write(Line());
    CallLine fault = Line();
    fault.code = absl::StatusCode::kInternal;
    fault.http_status = 500;
    log.Write(fault);
  });
  core::SetLogLevel(core::Severity::kInfo);
  EXPECT_EQ(Lines(text), 1);
  EXPECT_THAT(text, HasSubstr("INTERNAL"));
}

}  // namespace
}  // namespace stratus::telemetry
