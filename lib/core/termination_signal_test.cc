#include "lib/core/termination_signal.h"

#include <unistd.h>

#include <csignal>
#include <thread>

#include "gtest/gtest.h"

namespace stratus::core {
namespace {

TEST(TerminationSignal, WaitsForEitherSignalFromAnyThread) {
  for (const int signal : {SIGTERM, SIGINT}) {
    TerminationSignal termination;
    std::thread sender([signal] { kill(getpid(), signal); });
    EXPECT_EQ(termination.Wait(), signal);
    sender.join();
  }
}

TEST(TerminationSignal, ASecondSignalEndsTheProgram) {
  EXPECT_EXIT(
      {
        TerminationSignal termination;
        kill(getpid(), SIGTERM);
        termination.Wait();
        raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

TEST(TerminationSignal, AWriteToAClosedPipeIsAnErrorAndNotTheEnd) {
  TerminationSignal termination;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[1]);
}

}  // namespace
}  // namespace stratus::core
