#include "services/sandbox/xray/trace_store.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::sandbox::xray {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kTrace[] = "1-581cf771-a006649127e371903a2de979";

Json Span(const std::string& name, const std::string& id, double start, double end) {
  return {{"name", name}, {"id", id}, {"start_time", start}, {"end_time", end}};
}

Json Segment(const std::string& name, const std::string& id, const std::string& parent, double start, double end,
             const std::string& trace = kTrace) {
  Json segment = Span(name, id, start, end);
  segment["trace_id"] = trace;
  if (!parent.empty()) segment["parent_id"] = parent;
  return segment;
}

TEST(TraceStore, PutsATraceTogetherFromItsSegments) {
  TraceStore store;
  Json door = Segment("door", "aa", "", 100, 101);
  Json call = Span("upstream", "ab", 100.1, 100.9);
  call["http"]["request"]["traced"] = true;
  door["subsegments"] = {call};
  store.Add(Segment("service", "ac", "ab", 100.2, 100.8));
  EXPECT_THAT(store.Find(kTrace)->Problems(), IsEmpty());  // by itself it continues someone else's trace
  store.Add(door);
  const std::optional<Trace> trace = store.Find(kTrace);
  ASSERT_TRUE(trace);
  EXPECT_THAT(trace->Problems(), IsEmpty());
  ASSERT_THAT(trace->spans, SizeIs(3));
  EXPECT_EQ(trace->spans[0].name, "door");
  EXPECT_EQ(trace->spans[1].name, "upstream");
  EXPECT_EQ(trace->spans[1].parent_id, "aa");
  EXPECT_EQ(trace->spans[2].name, "service");
  EXPECT_EQ(trace->start(), 100);
  EXPECT_EQ(trace->end(), 101);
  EXPECT_EQ(store.stats().documents, 2u);
  EXPECT_EQ(store.stats().spans, 3u);
}

TEST(TraceStore, SaysWhatDoesNotFitTogether) {
  TraceStore store;
  Json lonely = Segment("part", "ad", "ff", 100, 101);
  lonely["type"] = "subsegment";
  store.Add(lonely);
  EXPECT_THAT(store.Find(kTrace)->Problems(),
              ElementsAre(HasSubstr("its parent ff is missing"), "there are 0 roots, not one"));
  store.Add(Segment("one", "ff", "", 100, 101));
  EXPECT_THAT(store.Find(kTrace)->Problems(), IsEmpty());
  Json two = Segment("two", "fe", "", 100, 101);
  two["subsegments"] = {Span("upstream", "fd", 100, 101)};
  two["subsegments"][0]["http"]["request"]["traced"] = true;
  store.Add(two);
  EXPECT_THAT(store.Find(kTrace)->Problems(),
              ElementsAre(HasSubstr("the other side has sent no segment"), "there are 2 roots, not one"));
}

TEST(TraceStore, ReplacesWhatWasUnderWay) {
  TraceStore store;
  Json running = Segment("run", "aa", "", 100, 0);
  running.erase("end_time");
  running["in_progress"] = true;
  store.Add(running);
  EXPECT_THAT(store.Find(kTrace)->Problems(), ElementsAre(HasSubstr("has not ended")));
  store.Add(Segment("run", "aa", "", 100, 160));
  store.Add(running);  // datagrams overtake each other
  EXPECT_THAT(store.Find(kTrace)->Problems(), IsEmpty());
  EXPECT_EQ(store.Find(kTrace)->end(), 160);
}

TEST(TraceStore, ShowsWhatHangsTogetherInARing) {
  TraceStore store;
  store.Add(Segment("a", "aa", "ab", 100, 101));
  store.Add(Segment("b", "ab", "aa", 100, 101));
  EXPECT_THAT(store.Find(kTrace)->spans, SizeIs(2));
}

TEST(TraceStore, ForgetsTheOldest) {
  TraceStore store;
  for (size_t i = 0; i <= TraceStore::kTracesMax; ++i) {
    store.Add(Segment("x", "aa", "", 100, 101, absl::StrCat("trace-", i)));
  }
  EXPECT_FALSE(store.Find("trace-0"));
  EXPECT_TRUE(store.Find("trace-1"));
  EXPECT_EQ(store.stats().traces, TraceStore::kTracesMax);
  EXPECT_EQ(store.List(1).at(0).id, absl::StrCat("trace-", TraceStore::kTracesMax));
}

TEST(TraceStore, KeepsTheLatestRefusals) {
  TraceStore store;
  for (int i = 0; i < 60; ++i) store.Reject({absl::StrCat("reason ", i), "more"});
  EXPECT_EQ(store.stats().rejected, 60u);
  EXPECT_THAT(store.Rejections(), SizeIs(TraceStore::kRejectionsMax));
  EXPECT_EQ(store.Rejections()[0], "reason 59; more");
}

}  // namespace
}  // namespace stratus::sandbox::xray
