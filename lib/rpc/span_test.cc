#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/rpc/testing/server_fixture.h"
#include "lib/telemetry/testing/span_collector.h"

namespace stratus::rpc {
namespace {

using telemetry::AnnotationValue;
using telemetry::SpanOutcome;
using telemetry::SpanRecord;
using ::testing::Contains;
using testing::EchoCall;
using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoStreamCall;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kEcho[] = "/stratus.rpc.testing.v1.EchoService/Echo";

class SpanTest : public testing::ServerFixture {
 protected:
  SpanTest() { options_.tracer = &tracer_; }
  ~SpanTest() override { server_.reset(); }

  grpc::Status Call(const std::string& traceparent, const std::string& token = "good") {
    grpc::ClientContext context;
    Authorize(&context, token);
    if (!traceparent.empty()) context.AddMetadata("traceparent", traceparent);
    EchoResponse response;
    return stub_->Echo(&context, EchoRequest(), &response);
  }
  // The segments of every call, which all have ended then.
  std::vector<telemetry::FinishedSpans> Finished() {
    server_->Drain(absl::Seconds(5));
    return collector_.finished();
  }

  telemetry::SpanCollector collector_;
  telemetry::FixedSampler always_{true};
  telemetry::Tracer tracer_{telemetry::TestResource("echo"), &always_, &collector_};
};

TEST_F(SpanTest, IsOneForEachCall) {
  Start();
  ASSERT_TRUE(Call("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").ok());
  const auto finished = Finished();
  ASSERT_THAT(finished, SizeIs(1));
  const SpanRecord& span = finished[0].spans[0];
  EXPECT_EQ(span.kind, telemetry::SpanKind::kServer);
  EXPECT_EQ(span.name, "echo");
  EXPECT_EQ(span.trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(span.parent_text(), "b7ad6b7169203331");
  EXPECT_EQ(span.http.method, "POST");
  EXPECT_EQ(span.http.url, kEcho);
  EXPECT_EQ(span.outcome, SpanOutcome::kOk);
  EXPECT_THAT(span.annotations, Contains(Pair("rpc_code", AnnotationValue("OK"))));
  EXPECT_THAT(span.annotations, Contains(Pair("client_id", AnnotationValue("client-1"))));
}

TEST_F(SpanTest, FollowsTheCallersDecisionAgainstASample) {
  Start();
  ASSERT_TRUE(Call("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").ok());
  EXPECT_THAT(Finished(), IsEmpty());
}

TEST_F(SpanTest, IsCurrentInTheHandler) {
  service_.on_echo = [](EchoCall call) {
    telemetry::CurrentSpan().Annotate("cache", "hit");
    telemetry::CurrentSpan().StartChild("part", telemetry::SpanKind::kInternal).End();
    call->Finish(absl::OkStatus());
    // The call may be over by now, and released: its span must still be there to be spoken to.
    telemetry::CurrentSpan().Annotate("late", true);
  };
  service_.on_stream = [](EchoStreamCall call) {
    telemetry::CurrentSpan().Annotate("stream", true);
    call->Finish(absl::OkStatus());
  };
  Start();
  ASSERT_TRUE(Call("").ok());
  ASSERT_TRUE(EchoStream("good").ok());
  const auto finished = Finished();
  ASSERT_THAT(finished, SizeIs(2));
  // The first call's span ends with its handler, which may outlive the second call.
  const size_t echo = finished[0].spans[0].http.url == kEcho ? 0 : 1;
  EXPECT_THAT(finished[echo].spans[0].annotations, Contains(Pair("cache", AnnotationValue("hit"))));
  EXPECT_THAT(finished[echo].spans, SizeIs(2));
  EXPECT_THAT(finished[1 - echo].spans[0].annotations, Contains(Pair("stream", AnnotationValue(true))));
}

TEST_F(SpanTest, SaysHowTheCallFailed) {
  service_.on_echo = [](EchoCall call) { call->Finish(absl::UnavailableError("the source is away")); };
  Start();
  EXPECT_FALSE(Call("").ok());
  const auto finished = Finished();
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_EQ(finished[0].spans[0].outcome, SpanOutcome::kFault);
  ASSERT_THAT(finished[0].spans[0].exceptions, SizeIs(1));
  EXPECT_EQ(finished[0].spans[0].exceptions[0].message, "the source is away");
}

TEST_F(SpanTest, IsThereForACallThatWasDenied) {
  Start();
  EXPECT_FALSE(Call("", "forged").ok());
  const auto finished = Finished();
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_EQ(finished[0].spans[0].outcome, SpanOutcome::kError);
  EXPECT_THAT(finished[0].spans[0].annotations, Contains(Pair("rpc_code", AnnotationValue("UNAUTHENTICATED"))));
}

}  // namespace
}  // namespace stratus::rpc
