#include "lib/telemetry/trace_context.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::telemetry {
namespace {

using ::testing::MatchesRegex;
using ::testing::StartsWith;

constexpr char kTraceId[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kParentId[] = "b7ad6b7169203331";
constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kRoot[] = "Root=1-5759e988-bd862e3fe1be46a994272793";

TEST(TraceContext, StartsANewTraceWithoutHeaders) {
  const TraceContext one = ContinueTrace("", ""), two = ContinueTrace("", "");
  EXPECT_THAT(std::string(one.trace_id()), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_THAT(std::string(one.span_id()), MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(one.parent_id(), "");
  EXPECT_EQ(one.sampling(), Sampling::kUndecided);
  EXPECT_NE(one.trace_id(), two.trace_id());
  EXPECT_NE(one.span_id(), two.span_id());
}

TEST(TraceContext, ContinuesATraceparent) {
  const TraceContext trace = ContinueTrace(kTraceparent, "");
  EXPECT_EQ(trace.trace_id(), kTraceId);
  EXPECT_EQ(trace.parent_id(), kParentId);
  EXPECT_NE(trace.span_id(), kParentId);
  EXPECT_EQ(trace.sampling(), Sampling::kSampled);
  EXPECT_EQ(trace.Traceparent(), absl::StrCat("00-", kTraceId, "-", std::string(trace.span_id()), "-01"));
  EXPECT_EQ(
      trace.XAmznTraceId(),
      absl::StrCat("Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=", std::string(trace.span_id()), ";Sampled=1"));
}

TEST(TraceContext, ContinuesAnXRayHeaderAndKeepsUnknownKeys) {
  const TraceContext trace =
      ContinueTrace("", absl::StrCat("Self=1-aaaaaaaa-bbbbbbbbbbbbbbbbbbbbbbbb; ", kRoot,
                                     ";Parent=53995c3f42cd8ad8;Sampled=0;Lineage=a87bd80c:0|68fd508a:5"));
  EXPECT_EQ(trace.trace_id(), "5759e988bd862e3fe1be46a994272793");
  EXPECT_EQ(trace.parent_id(), "53995c3f42cd8ad8");
  EXPECT_EQ(trace.sampling(), Sampling::kNotSampled);
  EXPECT_EQ(trace.XAmznTraceId(),
            absl::StrCat(kRoot, ";Parent=", std::string(trace.span_id()), ";Sampled=0;Lineage=a87bd80c:0|68fd508a:5"));
}

TEST(TraceContext, LeavesSamplingOpenWhereTheHeaderDoes) {
  EXPECT_EQ(ContinueTrace("", absl::StrCat(kRoot, ";Sampled=?")).sampling(), Sampling::kUndecided);
  EXPECT_EQ(ContinueTrace("", kRoot).sampling(), Sampling::kUndecided);
}

TEST(TraceContext, PrefersTheHeaderThatNamesAParent) {
  // A load balancer adds a Root of its own to a request that carries traceparent.
  EXPECT_EQ(ContinueTrace(kTraceparent, kRoot).trace_id(), kTraceId);
  EXPECT_EQ(ContinueTrace(kTraceparent, absl::StrCat(kRoot, ";Parent=53995c3f42cd8ad8")).trace_id(),
            "5759e988bd862e3fe1be46a994272793");
}

TEST(TraceContext, TakesAMalformedHeaderForNone) {
  for (const std::string& bad : {
           std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),  // upper case
           std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
           std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
           std::string("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
           std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra"),
           std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x"),
           std::string("00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01"),
           std::string("00-0af7651916cd43dd"),
           std::string(2000, '0'),
       }) {
    const TraceContext trace = ContinueTrace(bad, "");
    EXPECT_NE(trace.trace_id(), kTraceId) << bad;
    EXPECT_EQ(trace.parent_id(), "") << bad;
  }
  for (const std::string& bad : {
           std::string("Root=5759e988bd862e3fe1be46a994272793"),
           std::string("Root=2-5759e988-bd862e3fe1be46a994272793"),
           std::string("Root=1-5759e988-bd862e3fe1be46a99427279g"),
           std::string("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=short"),
           std::string("Parent=53995c3f42cd8ad8"),
           std::string("nonsense"),
       }) {
    const TraceContext trace = ContinueTrace("", bad);
    EXPECT_NE(trace.trace_id(), "5759e988bd862e3fe1be46a994272793") << bad;
    EXPECT_EQ(trace.parent_id(), "") << bad;
  }
}

TEST(TraceContext, TakesAHeaderOfAMegabyteForNone) {
  const std::string zeros(1 << 20, '0');
  for (const std::string& bad :
       {zeros, "Root=" + zeros, absl::StrCat(kRoot, ";Parent=", zeros), absl::StrCat(kRoot, ";Lineage=", zeros),
        std::string(1 << 20, ';'), std::string(1 << 20, '='), absl::StrCat("00-", zeros, "-b7ad6b7169203331-01")}) {
    const TraceContext trace = ContinueTrace(bad, bad);
    EXPECT_EQ(trace.trace_id().size(), 32u);
    EXPECT_EQ(trace.parent_id(), "");
    EXPECT_LE(trace.XAmznTraceId().size(), 1000u) << "what is carried on stays short";
  }
}

TEST(TraceContext, AcceptsALaterVersionOfTraceparentByItsKnownPart) {
  EXPECT_EQ(ContinueTrace("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", "").trace_id(), kTraceId);
}

TEST(TraceContext, WhatIsCarriedOnIsReadByTheNextHop) {
  const std::string long_value(460, 'm');
  const TraceContext trace = ContinueTrace("", "Root=1-5759e988-bd862e3fe1be46a994272793;Long=" + long_value);
  EXPECT_EQ(ContinueTrace("", trace.XAmznTraceId()).trace_id(), trace.trace_id());
}

TEST(TraceContext, DropsUnknownKeysThatCouldBreakAHeader) {
  const TraceContext trace = ContinueTrace("", absl::StrCat(kRoot, ";A=b c;B=\x01;C=d,e;D=f"));
  EXPECT_THAT(trace.XAmznTraceId(), ::testing::EndsWith(";D=f"));
  EXPECT_THAT(trace.XAmznTraceId(), ::testing::Not(::testing::HasSubstr("b c")));
}

}  // namespace
}  // namespace stratus::telemetry
