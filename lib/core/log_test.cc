#include "lib/core/log.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace stratus::core {
namespace {

// Standard error is a pipe while it lives.
class StderrPipe {
 public:
  StderrPipe() : before_(dup(STDERR_FILENO)) {
    EXPECT_EQ(pipe(ends_), 0);
    dup2(ends_[1], STDERR_FILENO);
  }
  ~StderrPipe() {
    Restore();
    close(before_);
    close(ends_[0]);
  }
  std::string Read() {
    std::string text(1 << 20, '\0');
    text.resize(static_cast<size_t>(std::max<ssize_t>(read(ends_[0], text.data(), text.size()), 0)));
    return text;
  }
  void Restore() { dup2(before_, STDERR_FILENO); }

 private:
  const int before_;
  int ends_[2];
};

TEST(Log, NobodyReadingItCostsLinesAndNoTime) {
  StderrPipe pipe;
  for (int i = 0; i < 5000; ++i) Log(Severity::kInfo, "more than a pipe holds", {{"number", i}});
  const std::string first = pipe.Read();
  Log(Severity::kInfo, "it is read again");
  const std::string then = pipe.Read();
  pipe.Restore();
  EXPECT_NE(first.find("\"number\":0}"), std::string::npos);
  EXPECT_EQ(first.find("\"number\":4999}"), std::string::npos);
  EXPECT_NE(then.find("lines of the log were lost"), std::string::npos) << then;
  EXPECT_NE(then.find("it is read again"), std::string::npos) << then;
}

}  // namespace
}  // namespace stratus::core
