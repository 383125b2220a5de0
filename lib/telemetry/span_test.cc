#include "lib/telemetry/span.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/telemetry/testing/span_collector.h"
#include "lib/telemetry/tracer.h"

namespace stratus::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kSampled[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kNotSampled[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

class SpanTest : public ::testing::Test {
 protected:
  Span Start(std::string_view traceparent = kSampled) {
    trace_ = ContinueTrace(traceparent, "");
    return tracer_.StartSegment(&trace_, {});
  }
  SpanRecord Only() {
    const auto finished = collector_.finished();
    EXPECT_THAT(finished, SizeIs(1));
    return finished.at(0).spans.at(0);
  }

  core::ManualClock clock_;
  SpanCollector collector_;
  FixedSampler never_{false};
  Tracer tracer_{TestResource("door"), &never_, &collector_, &clock_};
  TraceContext trace_;
};

TEST_F(SpanTest, IsTheContextsOwnSpan) {
  Span span = Start();
  ASSERT_TRUE(span.recording());
  clock_.Advance(absl::Milliseconds(250));
  span.End();
  const SpanRecord record = Only();
  EXPECT_EQ(record.name, "door");
  EXPECT_EQ(record.trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(record.id_text(), trace_.span_id());
  EXPECT_EQ(record.parent_text(), "b7ad6b7169203331");
  EXPECT_EQ(record.duration, absl::Milliseconds(250));
  EXPECT_EQ(record.start, clock_.Now() - absl::Milliseconds(250));
}

TEST_F(SpanTest, FollowsTheCallersDecision) {
  EXPECT_TRUE(Start(kSampled).recording());
  EXPECT_FALSE(Start(kNotSampled).recording());
}

TEST_F(SpanTest, AsksTheSamplerWhereTheCallerLeftItOpen) {
  EXPECT_FALSE(Start("").recording());
  EXPECT_EQ(trace_.sampling(), Sampling::kNotSampled);
  FixedSampler always(true);
  const Tracer tracer(TestResource("door"), &always, &collector_, &clock_);
  TraceContext trace = ContinueTrace("", "");
  EXPECT_TRUE(tracer.StartSegment(&trace, {}).recording());
  EXPECT_EQ(trace.sampling(), Sampling::kSampled);
}

TEST_F(SpanTest, OfACallThatIsNotSampledRecordsNothing) {
  Span span = Start(kNotSampled);
  Span child = span.StartChild("part", SpanKind::kInternal);
  EXPECT_FALSE(child.recording());
  child.Annotate("key", "value");
  child.SetStatus(absl::InternalError("no"));
  child.End();
  span.End();
  EXPECT_THAT(collector_.finished(), IsEmpty());
}

TEST_F(SpanTest, GoesOutWithTheChildrenThatHaveEnded) {
  Span span = Start();
  Span outer = span.StartChild("outer", SpanKind::kInternal);
  Span inner = outer.StartChild("inner", SpanKind::kClient);
  inner.End();
  outer.End();
  EXPECT_THAT(collector_.finished(), IsEmpty());
  span.End();
  const auto finished = collector_.finished();
  ASSERT_THAT(finished, SizeIs(1));
  ASSERT_THAT(finished[0].spans, SizeIs(3));
  EXPECT_EQ(finished[0].spans[1].name, "inner");
  EXPECT_EQ(finished[0].spans[1].parent_id, finished[0].spans[2].id);
  EXPECT_EQ(finished[0].spans[2].parent_id, finished[0].spans[0].id);
}

TEST_F(SpanTest, ThatOutlivesItsSegmentGoesByItself) {
  Span late;
  {
    Span span = Start();
    late = span.StartChild("refresh", SpanKind::kInternal);
  }
  ASSERT_THAT(collector_.finished(), SizeIs(1));
  late.End();
  const auto finished = collector_.finished();
  ASSERT_THAT(finished, SizeIs(2));
  EXPECT_EQ(finished[1].spans[0].name, "refresh");
  EXPECT_EQ(finished[1].spans[0].parent_id, finished[0].spans[0].id);
}

TEST_F(SpanTest, StreamsChildrenOnceThereAreMany) {
  Span span = Start();
  for (int i = 0; i < 250; ++i) span.StartChild("part", SpanKind::kInternal).End();
  EXPECT_THAT(collector_.finished(), SizeIs(2));
  span.End();
  const auto finished = collector_.finished();
  EXPECT_THAT(finished[0].spans, SizeIs(100));
  EXPECT_THAT(finished[2].spans, SizeIs(51));
}

TEST_F(SpanTest, KeepsItsTimesWhenTheMachinesClockIsSet) {
  // Start and duration come from one clock reading and the monotonic clock: wall time may go back in between.
  class JumpingClock final : public core::Clock {
   public:
    absl::Time Now() const override { return wall; }
    absl::Duration Monotonic() const override { return monotonic; }
    absl::Time wall = absl::FromUnixSeconds(1'700'000'000);
    absl::Duration monotonic = absl::Seconds(5);
  } clock;
  const Tracer tracer(TestResource("door"), &never_, &collector_, &clock);
  TraceContext trace = ContinueTrace(kSampled, "");
  Span span = tracer.StartSegment(&trace, {});
  clock.wall -= absl::Hours(1);
  clock.monotonic += absl::Seconds(1);
  Span child = span.StartChild("part", SpanKind::kInternal);
  child.End();
  span.End();
  const auto spans = collector_.finished().at(0).spans;
  EXPECT_EQ(spans[0].duration, absl::Seconds(1));
  EXPECT_EQ(spans[1].start, spans[0].start + absl::Seconds(1));
}

TEST_F(SpanTest, TakesItsOutcomeFromTheCode) {
  EXPECT_EQ(OutcomeOf(absl::StatusCode::kOk), SpanOutcome::kOk);
  for (const absl::StatusCode fault :
       {absl::StatusCode::kUnknown, absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kUnimplemented,
        absl::StatusCode::kInternal, absl::StatusCode::kUnavailable, absl::StatusCode::kDataLoss}) {
    EXPECT_EQ(OutcomeOf(fault), SpanOutcome::kFault);
  }
  EXPECT_EQ(OutcomeOf(absl::StatusCode::kResourceExhausted), SpanOutcome::kThrottle);
  for (const absl::StatusCode error : {absl::StatusCode::kNotFound, absl::StatusCode::kPermissionDenied,
                                       absl::StatusCode::kCancelled, absl::StatusCode::kAborted}) {
    EXPECT_EQ(OutcomeOf(error), SpanOutcome::kError);
  }
  EXPECT_EQ(OutcomeOfHttp(200), SpanOutcome::kOk);
  EXPECT_EQ(OutcomeOfHttp(404), SpanOutcome::kError);
  EXPECT_EQ(OutcomeOfHttp(429), SpanOutcome::kThrottle);
  EXPECT_EQ(OutcomeOfHttp(503), SpanOutcome::kFault);
}

TEST_F(SpanTest, MakesAnErrorAnException) {
  Span span = Start();
  span.SetStatus(absl::UnavailableError("the source is away"));
  span.End();
  const SpanRecord record = Only();
  EXPECT_EQ(record.outcome, SpanOutcome::kFault);
  ASSERT_THAT(record.exceptions, SizeIs(1));
  EXPECT_EQ(record.exceptions[0].type, "UNAVAILABLE");
  EXPECT_EQ(record.exceptions[0].message, "the source is away");
}

TEST_F(SpanTest, KeepsNoSecretsOfAUrl) {
  Span span = Start();
  span.SetHttpRequest("GET", "https://user:password@api.example.com/data/2.5/weather?appid=secret#x");
  span.End();
  EXPECT_EQ(Only().http.url, "https://api.example.com/data/2.5/weather");
}

TEST_F(SpanTest, BoundsWhatOneSpanHolds) {
  Span span = Start();
  for (int i = 0; i < 100; ++i) span.Annotate("key_" + std::to_string(i), int64_t{i});
  span.Annotate("not-a-key", "value");
  span.Annotate("", "value");
  span.Annotate("key_1", "again");
  for (int i = 0; i < 100; ++i) span.AddMetadata("key_" + std::to_string(i), std::string(100'000, 'x'));
  span.AddMetadata("key_1", "again");
  for (int i = 0; i < 100; ++i) span.AddException("type", std::string(5000, 'x'));
  span.SetHttpPeer("::1", true, std::string(5000, 'a'));
  span.End();
  const SpanRecord record = Only();
  EXPECT_THAT(record.annotations, SizeIs(50));
  EXPECT_EQ(std::get<std::string>(record.annotations[1].second), "again");
  EXPECT_THAT(record.metadata, SizeIs(50));
  EXPECT_THAT(record.metadata[0].second, SizeIs(8192));
  EXPECT_EQ(record.metadata[1].second, "again");
  EXPECT_THAT(record.exceptions, SizeIs(10));
  EXPECT_THAT(record.exceptions[0].message, SizeIs(1000));
  EXPECT_THAT(record.http.user_agent, SizeIs(250));
}

TEST_F(SpanTest, CutsTextBetweenCharacters) {
  Span span = Start();
  std::string text(999, 'x');
  text += "\xE2\x82\xAC";  // a euro sign across the limit
  span.Annotate("text", text);
  span.End();
  EXPECT_EQ(std::get<std::string>(Only().annotations[0].second), std::string(999, 'x'));
}

TEST_F(SpanTest, IsCurrentWithinItsScopeOnItsThread) {
  EXPECT_FALSE(CurrentSpan().recording());
  Span span = Start();
  {
    const ScopedSpan scope(span);
    EXPECT_EQ(CurrentSpan().id(), span.id());
    {
      const SpanRef nothing;
      const ScopedSpan inner(nothing);
      EXPECT_FALSE(CurrentSpan().recording());
    }
    EXPECT_EQ(CurrentSpan().id(), span.id());
    std::thread([] { EXPECT_FALSE(CurrentSpan().recording()); }).join();
  }
  EXPECT_FALSE(CurrentSpan().recording());
}

TEST_F(SpanTest, MayBeUsedFromManyThreads) {
  Span span = Start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([ref = SpanRef(span), i] {
      for (int n = 0; n < 20; ++n) {
        ref.Annotate("thread_" + std::to_string(i), int64_t{n});
        ref.StartChild("part", SpanKind::kInternal).End();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  span.End();
  EXPECT_THAT(Only().annotations, SizeIs(4));
  EXPECT_THAT(collector_.finished()[0].spans, SizeIs(81));
}

TEST_F(SpanTest, SaysThatItIsUnderWayBeforeItEnds) {
  Span span = tracer_.ResumeSegment("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "run");
  span.Annotate("module", "droplet");
  span.Announce();
  ASSERT_THAT(collector_.finished(), SizeIs(1));
  EXPECT_TRUE(Only().in_progress);
  EXPECT_THAT(Only().annotations, ElementsAre(Pair("module", AnnotationValue("droplet"))));
  span.End();
  const auto finished = collector_.finished();
  ASSERT_THAT(finished, SizeIs(2));
  EXPECT_FALSE(finished[1].spans[0].in_progress);
  EXPECT_EQ(finished[1].spans[0].id, finished[0].spans[0].id);
}

TEST_F(SpanTest, CannotBeResumedFromWhatIsNoId) {
  EXPECT_FALSE(tracer_.ResumeSegment("", "", "run").recording());
  EXPECT_FALSE(tracer_.ResumeSegment("00000000000000000000000000000000", "", "run").recording());
  EXPECT_FALSE(tracer_.ResumeSegment("0af7651916cd43dd8448eb211c80319X", "", "run").recording());
}

}  // namespace
}  // namespace stratus::telemetry
