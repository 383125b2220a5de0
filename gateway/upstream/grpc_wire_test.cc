#include "gateway/upstream/grpc_wire.h"

#include <gtest/gtest.h>

#include <limits>

#include "gateway/upstream/timer_queue.h"

namespace stratus::gateway::upstream {
namespace {

std::string Timeout(int64_t ns) {
  char text[kTimeoutLengthMax];
  return std::string(text, FormatTimeout(ns, text));
}

TEST(GrpcTimeout, IsWrittenInTheFinestUnitThatFitsEightDigits) {
  EXPECT_EQ(Timeout(1), "1n");
  EXPECT_EQ(Timeout(99'999'999), "99999999n");
  EXPECT_EQ(Timeout(100'000'000), "100000u");
  EXPECT_EQ(Timeout(100'000'000'001), "100001m");
  EXPECT_EQ(ParseTimeout(Timeout(std::numeric_limits<int64_t>::max())) > 0, true);
}

TEST(GrpcTimeout, IsNeverShorterThanAskedFor) {
  for (int64_t ns : {int64_t{1}, int64_t{123'456'789}, int64_t{59'999'999'999}, int64_t{86'400'000'000'001}}) {
    EXPECT_GE(ParseTimeout(Timeout(ns)), ns);
  }
}

TEST(GrpcTimeout, RefusesWhatIsMalformed) {
  for (const char* text : {"", "S", "1", "1x", "123456789S", "-1S", "1.5S", " 1S"})
    EXPECT_EQ(ParseTimeout(text), -1) << text;
  EXPECT_EQ(ParseTimeout("99999999H"), std::numeric_limits<int64_t>::max());
}

TEST(GrpcMessage, RoundTripsThroughPercentEncoding) {
  const std::string text = "100% – \x01\n xin chào";
  EXPECT_EQ(PercentDecode(PercentEncode(text)), text);
  EXPECT_EQ(PercentEncode("a%b\n"), "a%25b%0A");
  EXPECT_EQ(PercentDecode("100%"), "100%");
  EXPECT_EQ(PercentDecode("%zz%4"), "%zz%4");
}

TEST(GrpcStatus, ComesFromTheTrailers) {
  const http::Header not_found[] = {{"grpc-status", "5"}, {"grpc-message", "no%20such"}};
  EXPECT_EQ(StatusOfTrailers(not_found), absl::NotFoundError("no such"));
  const http::Header fine[] = {{"grpc-status", "0"}, {"grpc-message", "ignored"}};
  EXPECT_TRUE(StatusOfTrailers(fine).ok());
  EXPECT_EQ(StatusOfTrailers({}).code(), absl::StatusCode::kUnknown);
  for (const char* bad : {"17", "-1", "x", "5 ", ""}) {
    const http::Header header[] = {{"grpc-status", bad}};
    EXPECT_EQ(StatusOfTrailers(header).code(), absl::StatusCode::kUnknown) << bad;
  }
}

TEST(GrpcStatus, FollowsTheMappingOfHttpStatuses) {
  EXPECT_EQ(StatusOfHttp(400).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(StatusOfHttp(401).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(StatusOfHttp(403).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(StatusOfHttp(404).code(), absl::StatusCode::kUnimplemented);
  for (int status : {429, 502, 503, 504}) EXPECT_EQ(StatusOfHttp(status).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(StatusOfHttp(500).code(), absl::StatusCode::kUnknown);
}

TEST(GrpcContentType, IsNotMistakenForGrpcWeb) {
  EXPECT_TRUE(IsGrpcContentType("application/grpc"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc+proto"));
  EXPECT_TRUE(IsGrpcContentType("Application/GRPC;x=1"));
  EXPECT_FALSE(IsGrpcContentType("application/grpc-web"));
  EXPECT_FALSE(IsGrpcContentType("application/json"));
}

TEST(TimerQueue, FiresInOrderAndNotWhenDisarmed) {
  boost::asio::io_context io;
  TimerQueue queue(io);
  struct Entry {
    std::vector<int>* fired;
    int number;
  };
  std::vector<int> fired;
  std::vector<Entry> entries;
  for (int i = 0; i < 20; ++i) entries.push_back({&fired, i});
  std::vector<std::unique_ptr<Timer>> timers;
  const int64_t start = TimerQueue::Now();
  for (Entry& entry : entries) {
    timers.push_back(std::make_unique<Timer>(
        [](void* context) { static_cast<Entry*>(context)->fired->push_back(static_cast<Entry*>(context)->number); },
        &entry));
  }
  for (int i : {7, 3, 19, 0, 12, 5, 1, 18, 9, 2, 11, 4, 6, 8, 10, 13, 14, 15, 16, 17}) {
    queue.Arm(timers[static_cast<size_t>(i)].get(), start + 1'000'000 * i);
  }
  for (int i = 1; i < 20; i += 2) timers[static_cast<size_t>(i)]->Disarm();
  queue.Arm(timers[0].get(), start + 30'000'000);  // moved to the end
  io.run();
  EXPECT_EQ(fired, (std::vector<int>{2, 4, 6, 8, 10, 12, 14, 16, 18, 0}));
}

TEST(StatusOfReset, FollowsTheGrpcProtocol) {
  constexpr uint32_t kInternalError = 2, kRefusedStream = 7, kCancel = 8, kEnhanceYourCalm = 11;
  EXPECT_EQ(StatusOfReset(kRefusedStream, false).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(StatusOfReset(kCancel, false).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(StatusOfReset(kCancel, true).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(StatusOfReset(kEnhanceYourCalm, false).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(StatusOfReset(kInternalError, true).code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace stratus::gateway::upstream
