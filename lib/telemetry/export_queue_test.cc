#include "lib/telemetry/export_queue.h"

#include <thread>

#include "gtest/gtest.h"

namespace stratus::telemetry {
namespace {

FinishedSpans Spans(size_t count) { return {nullptr, std::vector<SpanRecord>(count)}; }

TEST(ExportQueue, HandsOutWhatCameIn) {
  ExportCounters counters;
  ExportQueue queue(10, &counters);
  queue.Push(Spans(2));
  queue.Push(Spans(1));
  std::vector<FinishedSpans> out;
  ASSERT_TRUE(queue.Take(&out));
  EXPECT_EQ(out.size(), 2u);
  EXPECT_EQ(queue.spans(), 0u);
  EXPECT_EQ(counters.created(), 3u);
  EXPECT_EQ(counters.dropped(), 0u);
}

TEST(ExportQueue, DropsAndCountsWhatFindsNoRoom) {
  ExportCounters counters;
  ExportQueue queue(10, &counters);
  queue.Push(Spans(8));
  queue.Push(Spans(3));
  queue.Push(Spans(2));
  EXPECT_EQ(queue.spans(), 10u);
  EXPECT_EQ(counters.created(), 13u);
  EXPECT_EQ(counters.dropped(DropReason::kQueueFull), 3u);
}

TEST(ExportQueue, GivesWhatIsLeftAfterItWasClosed) {
  ExportCounters counters;
  ExportQueue queue(10, &counters);
  queue.Push(Spans(1));
  queue.Close();
  queue.Push(Spans(4));
  EXPECT_EQ(counters.dropped(DropReason::kShutdown), 4u);
  std::vector<FinishedSpans> out;
  EXPECT_TRUE(queue.Take(&out));
  EXPECT_EQ(out.size(), 1u);
  EXPECT_FALSE(queue.Take(&out));
}

TEST(ExportQueue, WakesAWaiterForSpansAndForTheEnd) {
  ExportCounters counters;
  ExportQueue queue(100, &counters);
  size_t taken = 0;
  std::thread taker([&] {
    std::vector<FinishedSpans> out;
    while (queue.Take(&out, /*enough=*/20, absl::Hours(1))) {
      for (const FinishedSpans& finished : out) taken += finished.spans.size();
    }
  });
  for (int i = 0; i < 20; ++i) queue.Push(Spans(1));
  queue.Push(Spans(1));
  queue.Close();
  taker.join();
  EXPECT_EQ(taken, 21u);
}

}  // namespace
}  // namespace stratus::telemetry
