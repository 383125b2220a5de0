#include "gateway/http/frame_counter.h"

#include <string>

#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string FrameOf(size_t length) {
  std::string frame(9 + length, 'x');
  frame[0] = static_cast<char>(length >> 16);
  frame[1] = static_cast<char>(length >> 8);
  frame[2] = static_cast<char>(length);
  return frame;
}

TEST(FrameCounter, CountsFramesOfEveryLength) {
  FrameCounter counter;
  EXPECT_EQ(counter.Count(kPreface), 0u);
  EXPECT_EQ(counter.Count(FrameOf(0) + FrameOf(1) + FrameOf(300) + FrameOf(70'000)), 4u);
}

TEST(FrameCounter, DoesNotMindWhereTheInputIsCut) {
  const std::string all = std::string(kPreface) + FrameOf(0) + FrameOf(5) + FrameOf(0) + FrameOf(260) + FrameOf(3);
  for (size_t piece = 1; piece < 40; ++piece) {
    FrameCounter counter;
    size_t frames = 0;
    for (size_t at = 0; at < all.size(); at += piece) frames += counter.Count(std::string_view(all).substr(at, piece));
    EXPECT_EQ(frames, 5u) << piece;
  }
}

}  // namespace
}  // namespace stratus::gateway::http
