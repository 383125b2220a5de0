#include "lib/core/line_writer.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace stratus::core {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    CloseWriter();
    if (ends_[0] >= 0) close(ends_[0]);
  }
  int writer() const { return ends_[1]; }
  void CloseWriter() {
    if (ends_[1] >= 0) close(std::exchange(ends_[1], -1));
  }
  void CloseReader() { close(std::exchange(ends_[0], -1)); }
  std::string ReadAll() {
    std::string text;
    char piece[4096];
    for (ssize_t got; (got = read(ends_[0], piece, sizeof(piece))) > 0;) text.append(piece, static_cast<size_t>(got));
    return text;
  }

 private:
  int ends_[2] = {-1, -1};
};

TEST(LineWriter, WritesOutWhatIsLeftAtTheEnd) {
  Pipe pipe;
  {
    LineWriter writer(pipe.writer());
    for (int i = 0; i < 100; ++i) writer.Write("a line\n");
  }
  pipe.CloseWriter();
  const std::string text = pipe.ReadAll();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100);
}

TEST(LineWriter, LinesOfManyThreadsStayWhole) {
  Pipe pipe;
  const std::string line = std::string(999, 'x') + "\n";
  std::string text;
  std::thread reader([&] { text = pipe.ReadAll(); });
  {
    LineWriter writer(pipe.writer());
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 250; ++n) writer.Write(line);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  pipe.CloseWriter();
  reader.join();
  ASSERT_EQ(text.size(), 1000 * line.size());
  for (size_t at = 0; at < text.size(); at += line.size()) ASSERT_EQ(text.compare(at, line.size(), line), 0);
}

TEST(LineWriter, AReaderThatStandsStillCostsLinesWhichAreCounted) {
  Pipe pipe;
  const std::string line = std::string(1023, 'x') + "\n";
  constexpr uint64_t kLines = 4000;  // more than buffer and pipe hold
  LineWriter::Stats stats;
  {
    LineWriter writer(pipe.writer(), /*bytes_max=*/1 << 20);
    for (uint64_t i = 0; i < kLines; ++i) writer.Write(line);
    stats = writer.stats();
    EXPECT_GT(stats.no_room, 0u);
    EXPECT_LE(stats.bytes_held, 1u << 20);
  }  // ends although nobody reads
}

TEST(LineWriter, CountsWhatAClosedPipeDoesNotTake) {
  signal(SIGPIPE, SIG_IGN);  // as TerminationSignal does in every program
  Pipe pipe;
  pipe.CloseReader();
  LineWriter writer(pipe.writer());
  writer.Write("lost\n");
  while (writer.stats().not_taken == 0) std::this_thread::yield();
  EXPECT_EQ(writer.stats().not_taken, 1u);
  EXPECT_EQ(writer.stats().written, 0u);
}

}  // namespace
}  // namespace stratus::core
