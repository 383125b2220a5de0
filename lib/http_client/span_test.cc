#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "lib/core/address.h"
#include "lib/http_client/http_client.h"
#include "lib/http_server/http_server.h"
#include "lib/telemetry/testing/span_collector.h"

namespace stratus::http_client {
namespace {

using testing::SizeIs;
using testing::StartsWith;

// A call of one's own, under which requests are sent.
class ClientSpanTest : public testing::Test {
 protected:
  ClientSpanTest() {
    telemetry::TraceContext trace = telemetry::ContinueTrace("", "");
    call_ = tracer_.StartSegment(&trace, {});
    auto server = http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"),
                                             [this](const http_server::Request&) { return answer_; });
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  telemetry::SpanRecord RecordOf(Request request) {
    {
      const telemetry::ScopedSpan scope(call_);
      result_ = client_.Fetch(std::move(request));
    }
    call_.End();
    const auto finished = collector_.finished();
    EXPECT_THAT(finished, SizeIs(1));
    EXPECT_THAT(finished.at(0).spans, SizeIs(2));
    return finished.at(0).spans.at(1);
  }
  std::string Url(const std::string& target) { return "http://" + server_->address() + target; }

  telemetry::SpanCollector collector_;
  telemetry::FixedSampler always_{true};
  telemetry::Tracer tracer_{telemetry::TestResource("service"), &always_, &collector_};
  telemetry::Span call_;
  http_server::Response answer_{.body = "fine"};
  std::unique_ptr<http_server::Server> server_;
  Client client_{{.backoff_base = absl::Milliseconds(1), .backoff_max = absl::Milliseconds(2)}};
  absl::StatusOr<Response> result_ = absl::UnknownError("not asked");
};

TEST_F(ClientSpanTest, IsAPartOfTheCallersSpan) {
  const telemetry::SpanRecord span = RecordOf({.url = Url("/data?appid=secret")});
  EXPECT_EQ(span.kind, telemetry::SpanKind::kClient);
  EXPECT_EQ(span.name, server_->address());
  EXPECT_EQ(span.http.method, "GET");
  EXPECT_EQ(span.http.url, Url("/data"));
  EXPECT_EQ(span.http.status, 200);
  EXPECT_EQ(span.http.content_length, 4);
  EXPECT_FALSE(span.http.traced);
  EXPECT_EQ(span.outcome, telemetry::SpanOutcome::kOk);
}

TEST_F(ClientSpanTest, HasTheStatusThatCame) {
  answer_.status = 404;
  const telemetry::SpanRecord span = RecordOf({.url = Url("/")});
  EXPECT_EQ(span.http.status, 404);
  EXPECT_EQ(span.outcome, telemetry::SpanOutcome::kError);
}

TEST_F(ClientSpanTest, CountsAttempts) {
  answer_.status = 503;
  const telemetry::SpanRecord span = RecordOf({.url = Url("/")});
  EXPECT_EQ(span.outcome, telemetry::SpanOutcome::kFault);
  ASSERT_THAT(span.annotations, SizeIs(1));
  EXPECT_EQ(span.annotations[0].first, "attempts");
  EXPECT_EQ(std::get<int64_t>(span.annotations[0].second), result_->attempts);
}

TEST_F(ClientSpanTest, SaysWhyNothingCame) {
  const std::string url = Url("/");
  server_.reset();
  const telemetry::SpanRecord span = RecordOf({.url = url, .idempotent = false});
  EXPECT_EQ(span.outcome, telemetry::SpanOutcome::kFault);
  EXPECT_EQ(span.http.status, 0);
  ASSERT_THAT(span.exceptions, SizeIs(1));
  EXPECT_EQ(span.exceptions[0].type, "UNAVAILABLE");
  EXPECT_THAT(span.exceptions[0].message, StartsWith("GET http://"));
}

TEST_F(ClientSpanTest, CarriesTheCallersSpanIntoTheCallback) {
  std::promise<telemetry::SpanIdDigits> within;
  {
    const telemetry::ScopedSpan scope(call_);
    client_.Send({.url = Url("/")}, [&](absl::StatusOr<Response>) { within.set_value(telemetry::CurrentSpan().id()); });
  }
  EXPECT_EQ(within.get_future().get(), call_.id());
}

TEST_F(ClientSpanTest, IsNotThereOutsideOfACall) {
  EXPECT_TRUE(client_.Fetch({.url = Url("/")}).ok());
  call_.End();
  EXPECT_THAT(collector_.finished().at(0).spans, SizeIs(1));
}

}  // namespace
}  // namespace stratus::http_client
