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

TEST(StreamGate, EndsAtOnceWhileAStartedWriteIsUnderWay) {
  StreamGate gate;
  ASSERT_TRUE(gate.BeginWrite());
  EXPECT_FALSE(gate.WriteStarted().has_value());
  EXPECT_TRUE(gate.End(absl::OkStatus()));
}

}  // namespace
}  // namespace stratus::rpc
