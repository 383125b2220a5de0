#include "services/sandbox/xray/otlp_endpoint.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "lib/core/address.h"
#include "lib/telemetry/gzip.h"
#include "lib/telemetry/otlp_exporter.h"
#include "lib/telemetry/testing/span_collector.h"
#include "services/sandbox/sandbox_fixture.h"

namespace stratus::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kTraceId[] = "1-69682d00-a006649127e371903a2de979";

// libcurl signs by the machine's clock, so the sandbox goes by it too.
class OtlpEndpointTest : public testing::Test {
 protected:
  OtlpEndpointTest() {
    auto sandbox = Sandbox::Start({.listen = *core::ParseAddress("127.0.0.1:0"), .profile = "development"});
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    sandbox_ = *std::move(sandbox);
  }
  static http_client::AwsSigning Permanent() {
    return {xray::kSandboxRegion, "xray", xray::kAccessKeyId, xray::kSecretAccessKey, ""};
  }
  static http_client::AwsSigning Temporary() {
    return {xray::kSandboxRegion, "xray", xray::kTemporaryKeyId, xray::kTemporarySecret, xray::kSessionToken};
  }
  static Json Span() {
    const int64_t now = absl::ToUnixNanos(absl::Now());
    return {{"traceId", "69682d00a006649127e371903a2de979"},
            {"spanId", "53995c3f42cd8ad8"},
            {"name", "door"},
            {"kind", 2},
            {"startTimeUnixNano", std::to_string(now - 1'000'000)},
            {"endTimeUnixNano", std::to_string(now)},
            {"attributes", Json::array({{{"key", "http.response.status_code"}, {"value", {{"intValue", "200"}}}},
                                        {{"key", "cache"}, {"value", {{"stringValue", "hit"}}}}})}};
  }
  static Json RequestOf(const Json& span) {
    const Json name = {{"key", "service.name"}, {"value", {{"stringValue", "door"}}}};
    return {
        {"resourceSpans",
         {{{"resource", {{"attributes", Json::array({name})}}}, {"scopeSpans", {{{"spans", Json::array({span})}}}}}}}};
  }
  http_client::Request Request(std::string body) {
    http_client::Request request;
    request.method = "POST";
    request.url = sandbox_->base_url() + "/v1/traces";
    request.headers = {{"content-type", "application/json"}};
    request.body = std::move(body);
    request.aws_signing = Temporary();
    return request;
  }
  http_client::Response Send(http_client::Request request) {
    auto response = client_.Fetch(std::move(request));
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : http_client::Response{};
  }
  int StatusOf(std::string body) { return Send(Request(std::move(body))).status; }
  Json Get(const std::string& target) {
    return Json::parse(Send({.url = sandbox_->base_url() + target}).body, nullptr, false);
  }

  std::unique_ptr<Sandbox> sandbox_;
  http_client::Client client_{{.attempts_max = 1}};
};

TEST_F(OtlpEndpointTest, ShowsASpanAmongTheTraces) {
  const http_client::Response reply = Send(Request(RequestOf(Span()).dump()));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, "{}");
  Json trace = Get(absl::StrCat("/traces/", kTraceId, "?format=json"));
  ASSERT_THAT(trace["spans"], SizeIs(1));
  EXPECT_EQ(trace["spans"][0]["name"], "door");
  EXPECT_EQ(trace["spans"][0]["segment"], true);
  EXPECT_EQ(trace["spans"][0]["document"]["annotations"]["cache"], "hit");
  EXPECT_THAT(trace["problems"], SizeIs(0));
}

TEST_F(OtlpEndpointTest, TakesWhatTheExporterSendsSignedAndCompressed) {
  for (const http_client::AwsSigning& signing : {Permanent(), Temporary()}) {
    telemetry::OtlpExporterOptions options;
    options.url = sandbox_->base_url() + "/v1/traces";
    options.gzip = true;
    options.signing = signing;
    telemetry::OtlpExporter exporter(options);
    telemetry::FixedSampler always(true);
    const telemetry::Tracer tracer(telemetry::TestResource("door"), &always, &exporter);
    telemetry::TraceContext trace = telemetry::ContinueTrace("", "");
    telemetry::Span span = tracer.StartSegment(&trace, {});
    span.SetHttpRequest("GET", "http://door/v1/weather:today?appid=secret");
    telemetry::Span call = span.StartChild("stratus.weather.v1 (call)", telemetry::SpanKind::kClient);
    call.SetStatus(absl::UnavailableError("away"));
    call.End();
    span.SetHttpResponse(503, 12);
    span.End();
    exporter.Shutdown(absl::InfiniteDuration());
    EXPECT_EQ(exporter.counters().sent(), 2u) << signing.access_key_id;
  }
  Json list = Get("/traces?format=json");
  EXPECT_EQ(list["spans"], 4);
  EXPECT_EQ(list["rejected"], 0) << list["rejections"];
  EXPECT_EQ(list["newest"][0]["outcome"], "fault");
}

TEST_F(OtlpEndpointTest, TakesABodyAsLargeAsXRayDoes) {
  const std::string body = RequestOf(Span()).dump();
  EXPECT_EQ(StatusOf(body + std::string(xray::kOtlpBytesMax - body.size(), ' ')), 200);
  EXPECT_EQ(StatusOf(body + std::string(xray::kOtlpBytesMax + 1 - body.size(), ' ')), 400);
}

TEST_F(OtlpEndpointTest, RefusesAWrongSignature) {
  const std::string body = RequestOf(Span()).dump();
  std::vector<http_client::AwsSigning> wrong(5, Temporary());
  wrong[0].secret_access_key = "another";
  wrong[1].session_token = "another";
  wrong[2].session_token = "";
  wrong[3].region = "eu-west-1";
  wrong[4].service = "s3";
  for (const http_client::AwsSigning& signing : wrong) {
    http_client::Request request = Request(body);
    request.aws_signing = signing;
    EXPECT_EQ(Send(std::move(request)).status, 403);
  }
  http_client::Request unsigned_request = Request(body);
  unsigned_request.aws_signing.reset();
  EXPECT_EQ(Send(std::move(unsigned_request)).status, 403);
  EXPECT_EQ(Get("/traces?format=json")["documents"], 0);
}

TEST_F(OtlpEndpointTest, CountsWhatAWrongKeyCosts) {
  telemetry::OtlpExporterOptions options;
  options.url = sandbox_->base_url() + "/v1/traces";
  options.signing = Permanent();
  options.signing->secret_access_key = "another";
  telemetry::OtlpExporter exporter(options);
  telemetry::FixedSampler always(true);
  const telemetry::Tracer tracer(telemetry::TestResource("door"), &always, &exporter);
  telemetry::TraceContext trace = telemetry::ContinueTrace("", "");
  tracer.StartSegment(&trace, {}).End();
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().dropped(telemetry::DropReason::kRejected), 1u);
}

TEST_F(OtlpEndpointTest, RefusesOtherFormsAndCodings) {
  const std::string body = RequestOf(Span()).dump();
  http_client::Request request = Request(body);
  request.headers = {{"content-type", "application/x-protobuf"}};
  EXPECT_EQ(Send(std::move(request)).status, 415);
  for (const auto& [coding, status] : {std::pair("gzip", 400), std::pair("zstd", 415)}) {
    request = Request(body);  // not compressed at all
    request.headers.emplace_back("content-encoding", coding);
    EXPECT_EQ(Send(std::move(request)).status, status);
  }
  request = Request(*telemetry::Gzip(std::string(xray::kOtlpBytesMax + 1, ' ')));
  request.headers.emplace_back("content-encoding", "gzip");
  EXPECT_EQ(Send(std::move(request)).status, 400);
  EXPECT_EQ(StatusOf("nonsense"), 400);
  EXPECT_EQ(StatusOf("{}"), 400);
  EXPECT_EQ(StatusOf(R"({"resourceSpans": [{"scopeSpans": 1}]})"), 400);
}

TEST_F(OtlpEndpointTest, RefusesMoreSpansThanXRayTakes) {
  Json spans = Json::array();
  for (size_t i = 0; i <= xray::kOtlpSpansMax; ++i) spans.push_back(Json::object());
  const Json body = {{"resourceSpans", {{{"scopeSpans", {{{"spans", spans}}}}}}}};
  EXPECT_EQ(StatusOf(body.dump()), 400);
}

TEST_F(OtlpEndpointTest, RejectsEachSpanThatIsMalformedAndSaysWhy) {
  const std::vector<std::pair<std::string, Json>> wrong = {
      {"traceId", "69682D00A006649127E371903A2DE97"},
      {"spanId", "0000000000000000"},
      {"parentSpanId", ""},
      {"name", ""},
      {"kind", 0},
      {"startTimeUnixNano", 1},
      {"endTimeUnixNano", std::to_string(absl::ToUnixNanos(absl::Now() + absl::Hours(3)))},
      {"startTimeUnixNano", std::to_string(absl::ToUnixNanos(absl::Now() - absl::Hours(24 * 15)))},
      {"attributes", Json::array({{{"key", "a"}, {"value", {{"intValue", 1}}}}})},
      {"attributes", Json::array({{{"key", "a-b"}, {"value", {{"boolValue", true}}}}})},
      {"events", Json::array({{{"name", "other"}}})},
      {"status", "bad"},
      {"nonsense", 1}};
  for (const auto& [key, value] : wrong) {
    Json span = Span();
    span[key] = value;
    const http_client::Response reply = Send(Request(RequestOf(span).dump()));
    EXPECT_EQ(reply.status, 200);
    EXPECT_THAT(reply.body, HasSubstr(R"("rejectedSpans":"1")")) << key << " " << value;
  }
  EXPECT_EQ(Get("/traces?format=json")["rejected"], wrong.size());
}

}  // namespace
}  // namespace stratus::sandbox
