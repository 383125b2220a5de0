// What a traced call shows of the store, on each database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/telemetry/testing/span_collector.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class StoreSpanTest : public testing::StoreTest {
 protected:
  // The spans below a call's own that `body` makes.
  template <typename Body>
  std::vector<telemetry::SpanRecord> SpansOf(Body body, bool sampled = true) {
    telemetry::SpanCollector collector;
    telemetry::FixedSampler sampler(sampled);
    const telemetry::Tracer tracer(telemetry::TestResource("service"), &sampler, &collector);
    telemetry::TraceContext trace = telemetry::ContinueTrace("", "");
    telemetry::Span call = tracer.StartSegment(&trace, {});
    {
      const telemetry::ScopedSpan scope(call);
      body();
    }
    call.End();
    std::vector<telemetry::SpanRecord> spans;
    for (const telemetry::FinishedSpans& finished : collector.finished()) {
      for (const telemetry::SpanRecord& span : finished.spans) {
        if (span.kind != telemetry::SpanKind::kServer) spans.push_back(span);
      }
    }
    return spans;
  }
};

TEST_P(StoreSpanTest, AReadIsAPartOfTheCall) {
  AddStack("acme", "web");
  const auto spans = SpansOf([&] { EXPECT_TRUE(store_->GetStack("acme", "web").ok()); });
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].kind, telemetry::SpanKind::kDatabase);
  EXPECT_EQ(spans[0].name, GetParam());
  EXPECT_EQ(spans[0].database.type, GetParam());
  EXPECT_THAT(spans[0].database.operation, HasSubstr("SELECT ... FROM stacks s WHERE"));
  EXPECT_EQ(spans[0].outcome, telemetry::SpanOutcome::kOk);
}

TEST_P(StoreSpanTest, ATransactionIsOnePartWithItsStatementsAndNoValues) {
  const auto spans = SpansOf([&] { AddStack("very-secret-tenant", "very-secret-stack"); });
  ASSERT_THAT(spans, SizeIs(1));
  const std::string& operation = spans[0].database.operation;
  EXPECT_THAT(operation, HasSubstr("INSERT INTO"));
  EXPECT_THAT(operation, HasSubstr("tenants"));
  EXPECT_THAT(operation, Not(HasSubstr("secret")));
  EXPECT_LE(operation.size(), 1000u);
}

TEST_P(StoreSpanTest, AFilterShowsNoValue) {
  AddStack("acme", "web");
  StackQuery query;
  query.tenant = "acme";
  query.filter = "labels.team = \"very-secret\"";
  const auto spans = SpansOf([&] { EXPECT_TRUE(store_->ListStacks(query).ok()); });
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_THAT(spans[0].database.operation, Not(HasSubstr("secret")));
}

TEST_P(StoreSpanTest, WhatIsNotThereIsNoFailureOfTheDatabase) {
  const auto spans = SpansOf([&] { EXPECT_TRUE(absl::IsNotFound(store_->GetStack("acme", "none").status())); });
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].outcome, telemetry::SpanOutcome::kOk);
}

TEST_P(StoreSpanTest, AFailureIsAFaultWithoutItsText) {
  const auto spans = SpansOf([&] {
    const absl::Status status = store_->Transact([](Transaction&) { return absl::InternalError("very secret"); });
    EXPECT_TRUE(absl::IsInternal(status));
  });
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].outcome, telemetry::SpanOutcome::kFault);
  ASSERT_THAT(spans[0].exceptions, SizeIs(1));
  EXPECT_EQ(spans[0].exceptions[0].type, "INTERNAL");
  EXPECT_EQ(spans[0].exceptions[0].message, "");
}

TEST_P(StoreSpanTest, ACallThatIsNotSampledShowsNothing) {
  AddStack("acme", "web");
  EXPECT_THAT(SpansOf([&] { EXPECT_TRUE(store_->GetStack("acme", "web").ok()); }, /*sampled=*/false), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreSpanTest, testing::EveryBackend(), testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::store
