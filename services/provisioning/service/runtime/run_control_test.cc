#include "services/provisioning/service/runtime/run_control.h"

#include <gtest/gtest.h>

#include <thread>

namespace stratus::provisioning::service {
namespace {

TEST(RunControl, APauseLastsThoughALookIsWaiting) {
  RunControl control;
  control.Look();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(control.Pause(absl::Milliseconds(30)));
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(30));
  EXPECT_TRUE(control.TakeLook()) << "it is there for who looks next";
}

TEST(RunControl, HaltingEndsAPause) {
  RunControl control;
  std::thread other([&] { control.Detach(); });
  EXPECT_FALSE(control.Pause(absl::InfiniteDuration()));
  other.join();
  EXPECT_FALSE(control.Pause(absl::InfiniteDuration())) << "and every later one";
}

TEST(RunControl, ATimeThatIsOverIsNoPause) {
  RunControl control;
  EXPECT_TRUE(control.Pause(absl::Seconds(-5)));
}

}  // namespace
}  // namespace stratus::provisioning::service
