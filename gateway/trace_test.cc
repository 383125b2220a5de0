// What the gateway tells a service, its client and X-Ray about a call's trace.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "gateway/gateway.h"
#include "gateway/testing/raw_client.h"
#include "gateway/testing/shapes_server.h"
#include "lib/telemetry/testing/span_collector.h"
#include "shapes.grpc.pb.h"

namespace stratus::gateway {
namespace {

using telemetry::AnnotationValue;
using telemetry::SpanOutcome;
using telemetry::SpanRecord;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using testing::RawClient;
using testing::RawResponse;
using testing::ShapesServer;
using ::testing::SizeIs;

constexpr char kTraceparent[] = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
constexpr char kNotSampled[] = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n";
constexpr char kAmzn[] =
    "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1\r\n";

class NobodyPasses final : public auth::Authenticator {
 public:
  auth::Outcome Check(absl::Span<const std::string_view>, const auth::Policy&) override {
    auth::Outcome outcome;
    outcome.result = auth::Outcome::Class::kNoToken;
    outcome.reason = "no token";
    return outcome;
  }
  void CheckLater(absl::Span<const std::string_view> values, const auth::Policy& policy,
                  std::function<void(auth::Outcome)> done) override {
    done(Check(values, policy));
  }
};

class GatewayTraceTest : public ::testing::Test {
 protected:
  GatewayTraceTest() { options_.tracing.tracer = &tracer_; }
  ~GatewayTraceTest() override { gateway_.reset(); }

  void Start() {
    options_.listen = *core::ParseAddress("127.0.0.1:0");
    options_.descriptors = testing::ShapesDescriptors();
    if (options_.config.upstreams().empty()) options_.config.add_upstreams()->set_address(server_.address());
    auto started = Gateway::Start(options_);
    ASSERT_TRUE(started.ok()) << started.status();
    gateway_ = *std::move(started);
    client_ = std::make_unique<RawClient>(gateway_->address().ToString());
  }
  std::string Metrics() const {
    telemetry::Metrics metrics;
    const auto source = metrics.AddSource([this](telemetry::Snapshot& out) { gateway_->WriteMetrics(out); });
    return metrics.Scrape();
  }
  // The spans of the one call, which has ended then: the segment first.
  std::vector<SpanRecord> Spans() {
    collector_.WaitFor("stratus-gateway");
    const auto finished = collector_.finished();
    EXPECT_THAT(finished, SizeIs(1));
    return finished.at(0).spans;
  }

  ShapesServer server_;
  telemetry::SpanCollector collector_;
  telemetry::FixedSampler always_{true};
  telemetry::Tracer tracer_{telemetry::TestResource("stratus-gateway"), &always_, &collector_};
  GatewayOptions options_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<RawClient> client_;
};

TEST_F(GatewayTraceTest, ContinuesATraceparent) {
  Start();
  const RawResponse response =
      client_->Get("/t/metadata?name=secret", std::string(kTraceparent) + "User-Agent: test/1\r\n");
  const std::vector<SpanRecord> spans = Spans();
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_EQ(spans[0].trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(spans[0].parent_text(), "b7ad6b7169203331");
  EXPECT_EQ(spans[0].http.method, "GET");
  EXPECT_THAT(spans[0].http.url, ::testing::EndsWith("/t/metadata"));
  EXPECT_EQ(spans[0].http.status, 200);
  EXPECT_EQ(spans[0].http.user_agent, "test/1");
  EXPECT_EQ(spans[0].http.client_ip, "127.0.0.1");
  EXPECT_EQ(spans[0].http.content_length, static_cast<int64_t>(response.body.size()));
  EXPECT_THAT(spans[0].annotations, Contains(Pair("route", AnnotationValue("/t/metadata"))));
  EXPECT_EQ(spans[1].parent_id, spans[0].id);
  EXPECT_EQ(spans[1].name, "stratus.gateway.testing.v1.Shapes");
  EXPECT_TRUE(spans[1].http.traced);
  // The service hangs below the upstream call.
  const std::string below = std::string(spans[1].id_text());
  EXPECT_THAT(response.body, HasSubstr("\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-" + below + "-01\""));
  EXPECT_THAT(
      response.body,
      HasSubstr("\"x-amzn-trace-id\":\"Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=" + below + ";Sampled=1\""));
  EXPECT_EQ(response.headers.at("x-amzn-trace-id"), "Root=1-0af76519-16cd43dd8448eb211c80319c");
}

TEST_F(GatewayTraceTest, ContinuesAnXRayHeaderWithItsUnknownKeys) {
  Start();
  const RawResponse response = client_->Get("/t/metadata", kAmzn);
  EXPECT_EQ(Spans()[0].parent_text(), "53995c3f42cd8ad8");
  EXPECT_THAT(response.body, HasSubstr("Root=1-5759e988-bd862e3fe1be46a994272793;Parent="));
  EXPECT_THAT(response.body, HasSubstr(";Sampled=1;Lineage=a:1"));
  EXPECT_THAT(response.body, Not(HasSubstr("53995c3f42cd8ad8")));
  EXPECT_EQ(response.headers.at("x-amzn-trace-id"), "Root=1-5759e988-bd862e3fe1be46a994272793");
}

TEST_F(GatewayTraceTest, SaysThatTheReplyWasKept) {
  Start();
  EXPECT_EQ(client_->Get("/t/found/1").status, 200);
  EXPECT_EQ(client_->Get("/t/found/1").status, 200);
  while (collector_.finished().size() < 2) std::this_thread::yield();
  const auto finished = collector_.finished();
  EXPECT_THAT(finished[0].spans, SizeIs(2));
  EXPECT_THAT(finished[0].spans[0].annotations, Contains(Pair("cache", AnnotationValue("miss"))));
  EXPECT_THAT(finished[1].spans, SizeIs(1)) << "no service was asked";
  EXPECT_THAT(finished[1].spans[0].annotations, Contains(Pair("cache", AnnotationValue("hit"))));
}

TEST_F(GatewayTraceTest, TellsTheServiceThatACallIsNotSampled) {
  Start();
  const RawResponse response = client_->Get("/t/metadata", kNotSampled);
  EXPECT_THAT(response.body, HasSubstr("00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_THAT(response.body, HasSubstr(";Sampled=0"));
  EXPECT_EQ(response.headers.at("x-amzn-trace-id"), "Root=1-0af76519-16cd43dd8448eb211c80319c");
  EXPECT_THAT(collector_.finished(), IsEmpty());
}

TEST_F(GatewayTraceTest, BeginsAnewWhereClientsAreNotBelieved) {
  options_.tracing.ignore_inbound = true;
  Start();
  const RawResponse response = client_->Get("/t/metadata", kNotSampled);
  EXPECT_THAT(response.body, Not(HasSubstr("0af7651916cd43dd8448eb211c80319c")));
  EXPECT_EQ(Spans()[0].parent_text(), "");
}

// W3C Trace Context, 3.3: who begins a trace anew, or could not read traceparent, drops tracestate.
TEST_F(GatewayTraceTest, ATracestateGoesOnWithItsOwnTraceAlone) {
  Start();
  const std::string state = "Tracestate: vendor=1\r\n";
  EXPECT_THAT(client_->Get("/t/metadata", kTraceparent + state).body, HasSubstr("vendor=1"));
  EXPECT_THAT(client_->Get("/t/metadata", "Traceparent: nonsense\r\n" + state).body, Not(HasSubstr("vendor=1")));
  EXPECT_THAT(client_->Get("/t/metadata", state).body, Not(HasSubstr("vendor=1")));
  EXPECT_THAT(client_->Get("/t/metadata", kAmzn + (kTraceparent + state)).body, Not(HasSubstr("vendor=1")));
}

TEST_F(GatewayTraceTest, ATracestateOfClientsThatAreNotBelievedEndsHere) {
  options_.tracing.ignore_inbound = true;
  Start();
  const std::string headers = std::string(kTraceparent) + "Tracestate: vendor=1\r\n";
  EXPECT_THAT(client_->Get("/t/metadata", headers).body, Not(HasSubstr("vendor=1")));
}

TEST_F(GatewayTraceTest, TheClientIsWhomATrustedProxySays) {
  options_.config.mutable_headers()->add_trusted_proxies("127.0.0.1");
  Start();
  client_->Get("/t/metadata", "X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n");
  const std::vector<SpanRecord> spans = Spans();
  EXPECT_EQ(spans[0].http.client_ip, "192.0.2.7");
  EXPECT_TRUE(spans[0].http.x_forwarded_for);
}

TEST_F(GatewayTraceTest, TheClientIsWhoConnectsWhateverOthersSay) {
  Start();
  client_->Get("/t/metadata", "X-Forwarded-For: 6.6.6.6\r\n");
  const std::vector<SpanRecord> spans = Spans();
  EXPECT_EQ(spans[0].http.client_ip, "127.0.0.1");
  EXPECT_FALSE(spans[0].http.x_forwarded_for);
}

TEST_F(GatewayTraceTest, AnswersAsEverWhateverTheHeadersAre) {
  Start();
  for (const std::string& bad :
       {std::string("Traceparent: nonsense\r\n"), std::string("X-Amzn-Trace-Id: Root=\r\n"),
        "Traceparent: " + std::string(30'000, '0') + "\r\n", "X-Amzn-Trace-Id: " + std::string(30'000, ';') + "\r\n"}) {
    EXPECT_EQ(client_->Get("/t/metadata", bad).status, 200);
  }
}

TEST_F(GatewayTraceTest, ShowsAFailureOfTheService) {
  options_.config.add_upstreams()->set_address("127.0.0.1:1");
  Start();
  EXPECT_EQ(client_->Get("/t/metadata").status, 503);
  const std::vector<SpanRecord> spans = Spans();
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_EQ(spans[0].outcome, SpanOutcome::kFault);
  EXPECT_EQ(spans[0].http.status, 503);
  EXPECT_EQ(spans[1].outcome, SpanOutcome::kFault);
  EXPECT_FALSE(spans[1].http.traced) << "nobody was there to send a segment";
}

TEST_F(GatewayTraceTest, TracesGrpcCallsToo) {
  Start();
  auto stub = testing::v1::Shapes::NewStub(
      grpc::CreateChannel(gateway_->address().ToString(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  testing::v1::Item item;
  ASSERT_TRUE(stub->Metadata(&context, testing::v1::Item(), &item).ok());
  const std::vector<SpanRecord> spans = Spans();
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_EQ(item.labels().at("traceparent"),
            "00-0af7651916cd43dd8448eb211c80319c-" + std::string(spans[1].id_text()) + "-01");
}

TEST_F(GatewayTraceTest, LogsTheTraceId) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  options_.call_log = std::make_shared<telemetry::CallLog>(telemetry::CallLogOptions{.fd = pipe_ends[1]});
  Start();
  client_->Get("/t/metadata", kNotSampled);
  char line[4096];
  const ssize_t size = read(pipe_ends[0], line, sizeof(line));
  EXPECT_THAT(std::string(line, static_cast<size_t>(std::max<ssize_t>(size, 0))),
              HasSubstr("\"traceId\":\"0af7651916cd43dd8448eb211c80319c\""));
  gateway_.reset();
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST_F(GatewayTraceTest, ShowsWhatTheDoorRefusesBeforeThereIsACall) {
  struct Refusal {
    const char* method;
    const char* target;
    const char* headers;
    int status;
  };
  constexpr char kGrpc[] = "Content-Type: application/grpc\r\n";
  for (const Refusal& refusal :
       {Refusal{"GET", "/nothing/here?token=secret", kTraceparent, 404},
        Refusal{"DELETE", "/t/metadata", kTraceparent, 405}, Refusal{"POST", "/health", kTraceparent, 405},
        Refusal{"OPTIONS", "/nothing/here", kTraceparent, 404}, Refusal{"POST", "/a.B/C", kGrpc, 415}}) {
    collector_.Clear();
    Start();
    client_->Send(refusal.method, refusal.target, refusal.headers);
    const RawResponse response = client_->Receive();
    EXPECT_EQ(response.status, refusal.status) << refusal.target;
    const std::vector<SpanRecord> spans = Spans();
    ASSERT_THAT(spans, SizeIs(1));
    EXPECT_EQ(spans[0].http.status, refusal.status);
    EXPECT_EQ(spans[0].outcome, SpanOutcome::kError);
    EXPECT_THAT(spans[0].annotations, Contains(Pair("route", AnnotationValue("unmatched"))));
    EXPECT_THAT(spans[0].http.url, Not(HasSubstr("secret")));
    EXPECT_THAT(response.headers.at("x-amzn-trace-id"), HasSubstr("Root=1-"));
    EXPECT_EQ(response.headers.at("x-request-id").size(), 32u);
    if (refusal.headers == kTraceparent) {
      EXPECT_EQ(spans[0].parent_text(), "b7ad6b7169203331");
    }
  }
}

TEST_F(GatewayTraceTest, ACallWithoutATokenIsSeenThoughNoServiceHearsOfIt) {
  options_.authenticator = std::make_shared<NobodyPasses>();
  Start();
  EXPECT_EQ(client_->Get("/t/metadata").status, 401);
  const std::vector<SpanRecord> spans = Spans();
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].http.status, 401);
  EXPECT_EQ(spans[0].outcome, SpanOutcome::kError);
  EXPECT_THAT(spans[0].annotations, Contains(Pair("route", AnnotationValue("/t/metadata"))));
  EXPECT_THAT(Metrics(), HasSubstr("stratus_gateway_calls_total{route=\"/t/metadata\",code=\"UNAUTHENTICATED\"} 1\n"));
}

TEST_F(GatewayTraceTest, SamplingHoldsForRefusalsAndMetricsCountThemAll) {
  Start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client_->Get("/nothing", kNotSampled).status, 404);
  client_->Send("POST", "/made.up/Method", "Content-Type: application/grpc-web\r\n");
  client_->Receive();
  EXPECT_THAT(collector_.finished(), SizeIs(1)) << "the call of an unknown method alone is sampled";
  const std::string metrics = Metrics();
  EXPECT_THAT(metrics, HasSubstr("stratus_gateway_calls_total{route=\"unmatched\",code=\"NOT_FOUND\"} 3\n"));
  EXPECT_THAT(metrics, HasSubstr("stratus_gateway_calls_total{route=\"unmatched\",code=\"UNIMPLEMENTED\"} 1\n"));
  EXPECT_THAT(metrics, Not(HasSubstr("made.up"))) << "callers cannot make up labels";
}

TEST_F(GatewayTraceTest, LeavesHeadersAloneWithoutATracer) {
  options_.tracing.tracer = nullptr;
  Start();
  const RawResponse response = client_->Get("/t/metadata", kTraceparent);
  EXPECT_THAT(response.body, HasSubstr("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_EQ(response.headers.count("x-amzn-trace-id"), 0u);
}

}  // namespace
}  // namespace stratus::gateway
