#include "lib/telemetry/otlp_exporter.h"

#include <zlib.h>

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/core/address.h"
#include "lib/core/log.h"
#include "lib/http_server/http_server.h"
#include "lib/telemetry/otlp_document.h"

namespace stratus::telemetry {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

FinishedSpans Segment(const std::string& name, size_t parts = 0) {
  auto resource = std::make_shared<Resource>();
  resource->service_name = "door";
  resource->service_version = "1";
  FinishedSpans finished{resource, std::vector<SpanRecord>(1 + parts)};
  for (SpanRecord& span : finished.spans) {
    span.trace_id.fill('1');
    span.id = NewSpanId();
    span.name = name;
    span.start = absl::FromUnixNanos(1'700'000'000'123'456'789);
    span.duration = absl::Milliseconds(2);
    span.has_parent = true;
    span.parent_id = finished.spans[0].id;
  }
  finished.spans[0].kind = SpanKind::kServer;
  finished.spans[0].has_parent = false;
  return finished;
}

std::string Gunzip(std::string_view packed) {
  std::string out(1 << 20, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(OtlpRequest, HasTheFormOfTheProtocol) {
  FinishedSpans finished = Segment("call", 1);
  SpanRecord& root = finished.spans[0];
  root.http = {.method = "GET", .url = "http://x/y", .status = 503, .content_length = 7};
  root.outcome = SpanOutcome::kFault;
  root.annotations = {{"cache", "hit"}, {"attempts", int64_t{2}}, {"load", 0.5}, {"cold", true}};
  root.exceptions = {{"UNAVAILABLE", "away", false}};
  finished.spans[1].kind = SpanKind::kClient;
  std::string body;
  EXPECT_EQ(WriteOtlpRequest({&finished, 1}, &body).spans, 2u);
  const Json request = Json::parse(body);
  ASSERT_THAT(request["resourceSpans"], SizeIs(1));
  const Json& resource = request["resourceSpans"][0];
  EXPECT_EQ(resource["resource"]["attributes"][0],
            Json::parse(R"({"key": "service.name", "value": {"stringValue": "door"}})"));
  const Json& spans = resource["scopeSpans"][0]["spans"];
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_EQ(spans[0]["traceId"], std::string(32, '1'));
  EXPECT_EQ(spans[0]["spanId"], std::string(root.id_text()));
  EXPECT_FALSE(spans[0].contains("parentSpanId"));
  EXPECT_EQ(spans[0]["kind"], 2);
  EXPECT_EQ(spans[0]["startTimeUnixNano"], "1700000000123456789");
  EXPECT_EQ(spans[0]["endTimeUnixNano"], "1700000000125456789");
  EXPECT_EQ(spans[0]["status"]["code"], 2);
  EXPECT_EQ(spans[0]["events"][0]["name"], "exception");
  std::map<std::string, Json> attributes;
  for (const Json& attribute : spans[0]["attributes"]) attributes[attribute["key"]] = attribute["value"];
  EXPECT_EQ(attributes["http.response.status_code"]["intValue"], "503");
  EXPECT_EQ(attributes["cache"]["stringValue"], "hit");
  EXPECT_EQ(attributes["attempts"]["intValue"], "2");
  EXPECT_EQ(attributes["load"]["doubleValue"], 0.5);
  EXPECT_EQ(attributes["cold"]["boolValue"], true);
  EXPECT_EQ(spans[1]["kind"], 3);
  EXPECT_EQ(spans[1]["parentSpanId"], spans[0]["spanId"]);
  EXPECT_FALSE(spans[1].contains("status"));
}

TEST(OtlpRequest, LeavesOutWhatIsUnderWay) {
  FinishedSpans finished = Segment("run");
  finished.spans[0].in_progress = true;
  std::string body;
  EXPECT_EQ(WriteOtlpRequest({&finished, 1}, &body).spans, 0u);
}

TEST(OtlpRequest, KeepsASpanBelowWhatXRayTakes) {
  FinishedSpans finished = Segment("call", 2);
  finished.spans[0].annotations = {{"cache", "hit"}};
  for (int i = 0; i < 50; ++i) {
    finished.spans[0].metadata.emplace_back("key" + std::to_string(i), std::string(8000, 'x'));
    finished.spans[1].annotations.emplace_back("key" + std::to_string(i), std::string(1000, '\1'));
  }
  std::string body;
  const OtlpCounts counts = WriteOtlpRequest({&finished, 1}, &body);
  EXPECT_EQ(counts.spans, 3u);
  EXPECT_EQ(counts.truncated, 2u);
  const Json spans = Json::parse(body)["resourceSpans"][0]["scopeSpans"][0]["spans"];
  for (const Json& span : spans) EXPECT_LE(span.dump().size(), kOtlpSpanBytesMax);
  EXPECT_THAT(spans[0]["attributes"], SizeIs(1));  // the annotation
  EXPECT_THAT(spans[1]["attributes"], SizeIs(0));
}

class OtlpExporterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server =
        http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"), [this](const http_server::Request& request) {
          core::MutexLock lock(mutex_);
          requests_.push_back(request);
          arrived_.NotifyAll();
          return answer_;
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  OtlpExporterOptions Options() {
    OtlpExporterOptions options;
    options.url = "http://" + server_->address() + "/v1/traces";
    options.headers = {{"x-api-key", "secret"}};
    options.linger = absl::ZeroDuration();
    return options;
  }
  size_t SpansReceived() {
    core::MutexLock lock(mutex_);
    size_t count = 0;
    for (const http_server::Request& request : requests_) {
      const Json body = Json::parse(request.body);
      for (const Json& resource : body["resourceSpans"]) {
        count += resource["scopeSpans"][0]["spans"].size();
      }
    }
    return count;
  }
  void WaitForRequest() {
    core::MutexLock lock(mutex_);
    while (requests_.empty()) arrived_.Wait(lock);
  }

  core::Mutex mutex_;
  core::CondVar arrived_;
  std::vector<http_server::Request> requests_ ABSL_GUARDED_BY(mutex_);
  http_server::Response answer_{.body = "{}"};
  std::unique_ptr<http_server::Server> server_;
};

TEST_F(OtlpExporterTest, PostsJsonToTheCollector) {
  OtlpExporter exporter(Options());
  exporter.Export(Segment("a", 2));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(SpansReceived(), 3u);
  EXPECT_EQ(exporter.counters().created(), 3u);
  EXPECT_EQ(exporter.counters().sent(), 3u);
  core::MutexLock lock(mutex_);
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].path, "/v1/traces");
  EXPECT_EQ(requests_[0].Header("content-type"), "application/json");
  EXPECT_EQ(requests_[0].Header("x-api-key"), "secret");
}

TEST_F(OtlpExporterTest, KeepsRequestsToTheirLimits) {
  OtlpExporterOptions options = Options();
  options.request_spans_max = 50;
  options.request_bytes_max = 4000;
  OtlpExporter exporter(std::move(options));
  for (int i = 0; i < 200; ++i) exporter.Export(Segment("a"));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(SpansReceived(), 200u);
  EXPECT_EQ(exporter.counters().sent(), 200u);
  core::MutexLock lock(mutex_);
  for (const http_server::Request& request : requests_) EXPECT_LE(request.body.size(), 4000u);
}

TEST_F(OtlpExporterTest, CountsWhatTheCollectorRejects) {
  answer_.body = R"({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}})";
  {
    OtlpExporter exporter(Options());
    exporter.Export(Segment("a", 4));
    exporter.Shutdown(absl::InfiniteDuration());
    EXPECT_EQ(exporter.counters().sent(), 3u);
    EXPECT_EQ(exporter.counters().dropped(DropReason::kRejected), 2u);
  }
  answer_.status = 400;
  OtlpExporter exporter(Options());
  exporter.Export(Segment("a", 4));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().dropped(DropReason::kRejected), 5u);
}

TEST_F(OtlpExporterTest, SaysOnceWhyNothingIsTakenAndQuotesNoReply) {
  std::string lines;
  core::SetLogSink([&](std::string_view line) { lines.append(line); });
  answer_.status = 403;
  answer_.headers = {{"x-amzn-errortype", "InvalidSignatureException"}};
  answer_.body = R"({"message": "the canonical request should have been: x-amz-security-token: very-secret"})";
  OtlpExporterOptions options = Options();
  options.request_spans_max = 1;
  OtlpExporter exporter(std::move(options));
  for (int i = 0; i < 3; ++i) exporter.Export(Segment("a"));
  exporter.Shutdown(absl::InfiniteDuration());
  core::SetLogSink(nullptr);
  EXPECT_EQ(exporter.counters().dropped(DropReason::kRejected), 3u);
  EXPECT_THAT(lines, HasSubstr("HTTP 403, InvalidSignatureException"));
  EXPECT_THAT(lines, Not(HasSubstr("secret")));
  EXPECT_EQ(lines.find("spans are not taken"), lines.rfind("spans are not taken"));
}

TEST_F(OtlpExporterTest, CountsWhatCouldNotBeSent) {
  const OtlpExporterOptions options = Options();
  server_.reset();
  OtlpExporter exporter(options);
  exporter.Export(Segment("a"));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().dropped(DropReason::kSendFailed), 1u);
}

TEST_F(OtlpExporterTest, EndsInTimeWhileACollectorDoesNotAnswer) {
  answer_.delay = absl::Hours(1);
  OtlpExporter exporter(Options());
  exporter.Export(Segment("a"));
  WaitForRequest();
  exporter.Export(Segment("b"));
  exporter.Shutdown(absl::ZeroDuration());
  EXPECT_EQ(exporter.counters().dropped(DropReason::kShutdown), 2u);
}

TEST_F(OtlpExporterTest, DropsWhatFindsNoRoomWhileACollectorIsSlow) {
  answer_.delay = absl::Hours(1);
  OtlpExporterOptions options = Options();
  options.queue_spans_max = 10;
  OtlpExporter exporter(std::move(options));
  exporter.Export(Segment("under way"));
  WaitForRequest();
  for (int i = 0; i < 25; ++i) exporter.Export(Segment("a"));
  EXPECT_EQ(exporter.queued(), 10u);
  EXPECT_EQ(exporter.counters().dropped(DropReason::kQueueFull), 15u);
  exporter.Shutdown(absl::ZeroDuration());
  EXPECT_EQ(exporter.counters().created(), 26u);
  EXPECT_EQ(exporter.counters().dropped(), 26u);
}

TEST_F(OtlpExporterTest, CompressesWhereItIsTold) {
  OtlpExporterOptions options = Options();
  options.gzip = true;
  OtlpExporter exporter(std::move(options));
  exporter.Export(Segment("a", 20));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().sent(), 21u);
  core::MutexLock lock(mutex_);
  EXPECT_EQ(requests_[0].Header("content-encoding"), "gzip");
  const std::string text = Gunzip(requests_[0].body);
  EXPECT_LT(requests_[0].body.size(), text.size() / 4);
  EXPECT_THAT(Json::parse(text)["resourceSpans"][0]["scopeSpans"][0]["spans"], SizeIs(21));
}

TEST_F(OtlpExporterTest, SignsForXRay) {
  OtlpExporterOptions options = Options();
  options.signing = http_client::AwsSigning{"us-east-1", "xray", "AKIDEXAMPLE", "secret", "token"};
  OtlpExporter exporter(std::move(options));
  exporter.Export(Segment("a"));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().sent(), 1u);
  core::MutexLock lock(mutex_);
  EXPECT_TRUE(requests_[0].Header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
  EXPECT_EQ(requests_[0].Header("x-amz-security-token"), "token");
}

TEST_F(OtlpExporterTest, DoesNotSendWhatIsUnderWay) {
  OtlpExporter exporter(Options());
  FinishedSpans run = Segment("run");
  run.spans[0].in_progress = true;
  exporter.Export(std::move(run));
  exporter.Shutdown(absl::InfiniteDuration());
  EXPECT_EQ(exporter.counters().created(), 0u);
}

}  // namespace
}  // namespace stratus::telemetry
