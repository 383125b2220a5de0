#include "services/sandbox/xray/daemon.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "lib/core/address.h"
#include "lib/telemetry/local_sampler.h"
#include "lib/telemetry/sampling_poller.h"
#include "lib/telemetry/testing/span_collector.h"
#include "lib/telemetry/tracer.h"
#include "lib/telemetry/udp_exporter.h"
#include "services/sandbox/sandbox_fixture.h"

namespace stratus::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kTraceId[] = "1-69682d00-a006649127e371903a2de979";
constexpr char kHeader[] = "{\"format\": \"json\", \"version\": 1}\n";

class XRayDaemonTest : public SandboxTest {
 protected:
  void SendDatagram(const std::string& bytes) {
    const auto address = core::ParseAddress(sandbox_->xray_address());
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address->port);
    inet_pton(AF_INET, address->host.c_str(), &to.sin_addr);
    EXPECT_EQ(sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)),
              static_cast<ssize_t>(bytes.size()));
    close(fd);
  }
  // The list as JSON, once so many datagrams have been looked at.
  Json ListOf(uint64_t datagrams) {
    for (;;) {
      Json list = Get("/traces?format=json").json;
      if (list["datagrams"] == datagrams && list["waiting"] == 0) return list;
      std::this_thread::yield();
    }
  }
  Json Segment() {
    const double now = absl::ToDoubleSeconds(clock_.Now() - absl::UnixEpoch());
    return {
        {"name", "door"}, {"id", "53995c3f42cd8ad8"}, {"trace_id", kTraceId}, {"start_time", now}, {"end_time", now}};
  }
  Reply Ask(const std::string& path, const Json& body) {
    return Send(
        {.method = "POST", .url = absl::StrCat("http://", sandbox_->xray_address(), path), .body = body.dump()});
  }
};

TEST_F(XRayDaemonTest, ShowsWhatItGot) {
  SendDatagram(kHeader + Segment().dump());
  const Json list = ListOf(1);
  EXPECT_EQ(list["spans"], 1);
  EXPECT_EQ(list["rejected"], 0);
  ASSERT_THAT(list["newest"], SizeIs(1));
  EXPECT_EQ(list["newest"][0]["id"], kTraceId);
  EXPECT_THAT(list["newest"][0]["problems"], SizeIs(0));
  const Json one = Get(absl::StrCat("/traces/", kTraceId, "?format=json")).json;
  EXPECT_EQ(one["spans"][0]["name"], "door");
  EXPECT_THAT(Get("/traces").body, HasSubstr(kTraceId));
  EXPECT_THAT(Get(absl::StrCat("/traces/", kTraceId)).body, HasSubstr("<b>door</b>"));
  EXPECT_EQ(Get("/traces/1-00000000-000000000000000000000000").status, 404);
}

TEST_F(XRayDaemonTest, RefusesWhatIsMalformedAndSaysWhy) {
  Json segment = Segment();
  segment["id"] = "no";
  SendDatagram(kHeader + segment.dump());
  SendDatagram("nonsense");
  const Json list = ListOf(2);
  EXPECT_EQ(list["rejected"], 2);
  EXPECT_EQ(list["rejections"][0], "there is no header line");
  EXPECT_THAT(list["rejections"][1].get<std::string>(), HasSubstr("id: is not 16"));
  EXPECT_EQ(list["traces"], 0);
}

TEST_F(XRayDaemonTest, EscapesWhatOthersWrote) {
  Json segment = Segment();
  segment["http"]["request"] = {{"method", "GET"}, {"url", "/<script>alert(1)</script>"}};
  SendDatagram(kHeader + segment.dump());
  ListOf(1);
  EXPECT_THAT(Get("/traces").body, Not(HasSubstr("<script>")));
  EXPECT_THAT(Get(absl::StrCat("/traces/", kTraceId)).body, Not(HasSubstr("<script>")));
}

TEST_F(XRayDaemonTest, ForgetsOnDemand) {
  SendDatagram(kHeader + Segment().dump());
  ListOf(1);
  EXPECT_EQ(Send({.method = "DELETE", .url = sandbox_->base_url() + "/traces"}).status, 200);
  EXPECT_EQ(Get("/traces?format=json").json["traces"], 0);
}

TEST_F(XRayDaemonTest, ServesRulesAndTargets) {
  const Json rules = Ask("/GetSamplingRules", Json::object()).json;
  EXPECT_EQ(rules["SamplingRuleRecords"][0]["SamplingRule"]["FixedRate"], 1.0);
  const Json document = {{"RuleName", "Default"},
                         {"ClientID", "0123456789abcdef01234567"},
                         {"Timestamp", absl::ToUnixSeconds(clock_.Now())},
                         {"RequestCount", 10},
                         {"SampledCount", 4},
                         {"BorrowCount", 1}};
  Json unknown = document;
  unknown["RuleName"] = "another";
  const Json targets = Ask("/SamplingTargets", {{"SamplingStatisticsDocuments", {document, unknown}}}).json;
  ASSERT_THAT(targets["SamplingTargetDocuments"], SizeIs(1));
  EXPECT_EQ(targets["SamplingTargetDocuments"][0]["ReservoirQuota"], 1);
  EXPECT_EQ(targets["UnprocessedStatistics"][0]["RuleName"], "another");
  EXPECT_EQ(Get("/traces?format=json").json["sampling"]["0123456789abcdef01234567"]["RequestCount"], 10);
}

TEST_F(XRayDaemonTest, RefusesStatisticsThatAreNone) {
  const Json good = {{"RuleName", "Default"},
                     {"ClientID", "0123456789abcdef01234567"},
                     {"Timestamp", absl::ToUnixSeconds(clock_.Now())},
                     {"RequestCount", 10},
                     {"SampledCount", 4},
                     {"BorrowCount", 1}};
  const auto with = [&](const char* key, const Json& value) {
    Json bad = good;
    bad[key] = value;
    return Ask("/SamplingTargets", {{"SamplingStatisticsDocuments", {bad}}}).status;
  };
  EXPECT_EQ(with("BorrowCount", 1), 200);
  EXPECT_EQ(with("ClientID", "short"), 400);
  EXPECT_EQ(with("Timestamp", 0), 400);
  EXPECT_EQ(with("RequestCount", 3), 400);
  EXPECT_EQ(with("SampledCount", -1), 400);
  EXPECT_EQ(with("More", 1), 400);
  EXPECT_EQ(Ask("/SamplingTargets", Json::array()).status, 400);
  EXPECT_EQ(Ask("/GetSamplingRules", Json::array()).status, 400);
}

TEST_F(XRayDaemonTest, TellsSamplersTheRuleItIsGiven) {
  EXPECT_EQ(PostJson("/admin/sampling", {{"fixed_rate", 0.25}, {"reservoir_size", 7}}).status, 200);
  const Json rule = Ask("/GetSamplingRules", Json::object()).json["SamplingRuleRecords"][0]["SamplingRule"];
  EXPECT_EQ(rule["FixedRate"], 0.25);
  EXPECT_EQ(rule["ReservoirSize"], 7);
  EXPECT_EQ(PostJson("/admin/sampling", {{"fixed_rate", 2}}).status, 400);
  EXPECT_EQ(PostJson("/admin/sampling", {{"rate", 1}}).status, 400);
}

TEST_F(XRayDaemonTest, TellsRulesByPages) {
  EXPECT_EQ(PostJson("/admin/sampling", {{"fixed_rate", 0.25}, {"pages", 3}}).status, 200);
  std::vector<std::string> names;
  Json asked = Json::object();
  for (int page = 1; page <= 3; ++page) {
    const Json answer = Ask("/GetSamplingRules", asked).json;
    names.push_back(answer["SamplingRuleRecords"][0]["SamplingRule"]["RuleName"]);
    asked = {{"NextToken", answer["NextToken"]}};
  }
  EXPECT_TRUE(asked["NextToken"].is_null());
  EXPECT_THAT(names, ElementsAre("Page1", "Page2", "Default"));
  for (const Json& token : {Json("page-1"), Json("page-4"), Json(""), Json(2)}) {
    EXPECT_EQ(Ask("/GetSamplingRules", {{"NextToken", token}}).status, 400) << token;
  }
  EXPECT_EQ(PostJson("/admin/sampling", {{"pages", 0}}).status, 400);
}

TEST_F(XRayDaemonTest, SendsBackStatisticsWhenToldTo) {
  EXPECT_EQ(PostJson("/admin/sampling", {{"unprocessed", 1}}).status, 200);
  const Json document = {{"RuleName", "Default"},
                         {"ClientID", "0123456789abcdef01234567"},
                         {"Timestamp", absl::ToUnixSeconds(clock_.Now())},
                         {"RequestCount", 10},
                         {"SampledCount", 4}};
  const Json asked = {{"SamplingStatisticsDocuments", {document}}};
  Json answer = Ask("/SamplingTargets", asked).json;
  EXPECT_EQ(answer["UnprocessedStatistics"][0]["RuleName"], "Default");
  EXPECT_THAT(answer["SamplingTargetDocuments"], SizeIs(0));
  EXPECT_FALSE(Get("/traces?format=json").json["sampling"].contains("0123456789abcdef01234567"));
  answer = Ask("/SamplingTargets", asked).json;
  EXPECT_THAT(answer["UnprocessedStatistics"], SizeIs(0));
  EXPECT_EQ(Get("/traces?format=json").json["sampling"]["0123456789abcdef01234567"]["RequestCount"], 10);
}

// Our own exporter and sampler against it: two sides that were written apart from each other.
class TracePipelineTest : public SandboxTest {
 protected:
  telemetry::UdpExporterOptions ToDaemon() {
    const auto address = core::ParseAddress(sandbox_->xray_address());
    return {.daemon = {address->host, address->port}};
  }
  Json ListOf(uint64_t datagrams) {
    for (;;) {
      Json list = Get("/traces?format=json").json;
      if (list["datagrams"] >= datagrams && list["waiting"] == 0) return list;
      std::this_thread::yield();
    }
  }
  telemetry::FixedSampler always_{true};
};

TEST_F(TracePipelineTest, EveryKindOfSpanIsTaken) {
  telemetry::UdpExporter exporter(ToDaemon());
  auto resource = std::make_shared<telemetry::Resource>();
  resource->service_name = "stratus-\"gateway\"";
  resource->service_version = "1.0";
  resource->origin = "AWS::ECS::Fargate";
  resource->aws = {{"ecs.container", "abc"}};
  const telemetry::Tracer door(resource, &always_, &exporter, &clock_);
  const telemetry::Tracer service(telemetry::TestResource("service"), &always_, &exporter, &clock_);
  telemetry::TraceContext trace = telemetry::ContinueTrace("", "");
  telemetry::Span root = door.StartSegment(&trace, {});
  root.SetHttpRequest("GET", "/v1/x?secret=1");
  root.SetHttpPeer("127.0.0.1", true, "test");
  telemetry::Span call = root.StartChild("service.v1.Service", telemetry::SpanKind::kClient);
  call.SetHttpRequest("POST", "http://service/pkg.Service/Method");
  call.SetTraced();
  trace.set_span_id(call.id());
  telemetry::TraceContext next = telemetry::ContinueTrace(trace.Traceparent(), trace.XAmznTraceId());
  telemetry::Span served = service.StartSegment(&next, {});
  served.Announce();
  telemetry::Span query = served.StartChild("runs", telemetry::SpanKind::kDatabase);
  query.SetDatabase("SQLite", "SELECT 1");
  clock_.Advance(absl::Milliseconds(3));
  query.End();
  served.Annotate("cache", "miss");
  served.Annotate("attempts", int64_t{2});
  served.Annotate("load", 0.25);
  served.Annotate("cold", true);
  served.AddMetadata("plan", "1 to add\n");
  served.SetStatus(absl::ResourceExhaustedError("slow down"));
  served.End();
  call.SetHttpResponse(429, 12);
  call.End();
  root.SetHttpResponse(429, 100);
  root.End();
  exporter.Shutdown(absl::InfiniteDuration());
  const Json list = ListOf(3);
  EXPECT_EQ(list["rejected"], 0) << list["rejections"];
  EXPECT_EQ(list["spans"], exporter.counters().sent());
  EXPECT_EQ(list["newest"][0]["problems"], Json::array());
  EXPECT_EQ(list["newest"][0]["outcome"], "throttle");
  const Json one = Get(absl::StrCat("/traces/", trace.XRayTraceId(), "?format=json")).json;
  std::vector<std::string> names;
  for (const Json& span : one["spans"]) names.push_back(span["name"]);
  EXPECT_THAT(names, testing::ElementsAre("stratus-_gateway_", "service.v1.Service", "service", "runs"));
}

TEST_F(TracePipelineTest, LosesNothingOfALoad) {
  telemetry::UdpExporter exporter(ToDaemon());
  const telemetry::Tracer tracer(telemetry::TestResource("door"), &always_, &exporter, &clock_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        telemetry::TraceContext trace = telemetry::ContinueTrace("", "");
        telemetry::Span root = tracer.StartSegment(&trace, {});
        root.StartChild("part", telemetry::SpanKind::kInternal).End();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().created(), 4000u);
  EXPECT_EQ(exporter.counters().created(), exporter.counters().sent() + exporter.counters().dropped());
  EXPECT_EQ(ListOf(exporter.counters().sent() / 2)["spans"], exporter.counters().sent());
}

TEST_F(TracePipelineTest, AskingForMoreThanAnnotationsMayHoldIsStillTaken) {
  telemetry::UdpExporter exporter(ToDaemon());
  const telemetry::Tracer tracer(telemetry::TestResource("door"), &always_, &exporter, &clock_);
  telemetry::TraceContext trace = telemetry::ContinueTrace("", "");
  {
    telemetry::Span root = tracer.StartSegment(&trace, {});
    for (int i = 0; i < 40; ++i) {
      telemetry::Span part = root.StartChild(std::string(300, 'n'), telemetry::SpanKind::kInternal);
      for (int n = 0; n < 60; ++n) part.Annotate(absl::StrCat("key_", n), std::string(2000, 'v'));
      part.AddMetadata("text", std::string(20'000, 'm'));
    }
  }
  exporter.Shutdown(absl::InfiniteDuration());
  const Json list = ListOf(41);
  EXPECT_EQ(list["rejected"], 0) << list["rejections"];
  EXPECT_EQ(list["spans"], 41);
  EXPECT_EQ(exporter.counters().dropped(), 0u);
}

TEST_F(TracePipelineTest, SamplersGoByItsRule) {
  ASSERT_EQ(PostJson("/admin/sampling", {{"fixed_rate", 0}, {"reservoir_size", 0}, {"pages", 3}}).status, 200);
  telemetry::CentralRules rules(&always_, &core::Clock::Real());
  const telemetry::SamplingPoller poller(&rules, ToDaemon().daemon);
  while (rules.Sample({})) std::this_thread::yield();
  EXPECT_FALSE(rules.Sample({}));
}

TEST_F(TracePipelineTest, SamplersDoWithoutAnAnswer) {
  for (const char* kind : {"garbage", "html", "truncated", "cut", "empty", "drop", "status"}) {
    ASSERT_EQ(PostJson("/admin/faults", {{"target", "xray"}, {"kind", kind}, {"count", 0}}).status, 200);
    telemetry::LocalSampler fallback(telemetry::FallbackRules(), &clock_, [] { return 0.99; });
    telemetry::CentralRules rules(&fallback, &core::Clock::Real());
    const telemetry::SamplingPoller poller(&rules, ToDaemon().daemon);
    while (poller.failures() == 0) std::this_thread::yield();
    EXPECT_TRUE(rules.Sample({})) << kind;
    EXPECT_FALSE(rules.Sample({})) << kind;
  }
}

}  // namespace
}  // namespace stratus::sandbox
