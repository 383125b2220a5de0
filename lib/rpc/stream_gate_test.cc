#include "lib/rpc/stream_gate.h"

#include "gtest/gtest.h"

namespace stratus::rpc {
namespace {

TEST(StreamGate, LetsOneWriteThroughAtATime) {
  StreamGate gate;
  EXPECT_TRUE(gate.BeginWrite());
  EXPECT_FALSE(gate.WriteStarted().has_value());
  EXPECT_TRUE(gate.writing());
  EXPECT_FALSE(gate.BeginWrite());
  gate.WriteDone();
  EXPECT_FALSE(gate.writing());
  EXPECT_TRUE(gate.BeginWrite());
}

TEST(StreamGate, EndsOnceAndRefusesWritesAfterwards) {
  StreamGate gate;
  EXPECT_TRUE(gate.End(absl::OkStatus()));
  EXPECT_FALSE(gate.End(absl::OkStatus()));
  EXPECT_FALSE(gate.BeginWrite());
}

TEST(StreamGate, HandsAnEndThatComesDuringAStartToTheWriter) {
  StreamGate gate;
  ASSERT_TRUE(gate.BeginWrite());
  EXPECT_FALSE(gate.End(absl::CancelledError("gone"))) << "the writer ends the stream";
  const auto end = gate.WriteStarted();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code(), absl::StatusCode::kCancelled);
}

// The first write is done, and the next one begins on gRPC's thread, before the first one's own thread goes on.
TEST(StreamGate, AnEndWaitsForTheLastOfTwoStarts) {
  for (const bool end_comes_first : {true, false}) {
    StreamGate gate;
    ASSERT_TRUE(gate.BeginWrite());
    gate.WriteDone();
    ASSERT_TRUE(gate.BeginWrite());
    if (end_comes_first) {
      EXPECT_FALSE(gate.End(absl::CancelledError("gone")));
    }
    EXPECT_FALSE(gate.WriteStarted().has_value()) << "the second write is not with gRPC yet";
    if (!end_comes_first) {
      EXPECT_FALSE(gate.End(absl::CancelledError("gone")));
    }
    EXPECT_TRUE(gate.WriteStarted().has_value());
  }
}

TEST(StreamGate, EndsAtOnceWhileAStartedWriteIsUnderWay) {
  StreamGate gate;
  ASSERT_TRUE(gate.BeginWrite());
  EXPECT_FALSE(gate.WriteStarted().has_value());
  EXPECT_TRUE(gate.End(absl::OkStatus()));
}

}  // namespace
}  // namespace stratus::rpc
