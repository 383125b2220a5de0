#include "lib/telemetry/tracing.h"

#include <fstream>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/core/log.h"
#include "lib/telemetry/metrics.h"

namespace stratus::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

TracingOptions From(std::map<std::string, std::string, std::less<>> variables) {
  return TracingOptionsFrom([variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

class LogLines {
 public:
  LogLines() {
    core::SetLogSink([this](std::string_view line) { lines_ += line; });
  }
  ~LogLines() { core::SetLogSink(nullptr); }
  const std::string& lines() const { return lines_; }

 private:
  std::string lines_;
};

TEST(TracingOptions, TakesTheDaemonsAddress) {
  const TracingOptions options = From({{"AWS_XRAY_DAEMON_ADDRESS", "tcp:a:1 udp:b:2"}, {"STRATUS_VERSION", "1.2"}});
  ASSERT_TRUE(options.daemon);
  EXPECT_EQ(options.daemon->udp.ToString(), "b:2");
  EXPECT_EQ(options.service_version, "1.2");
  EXPECT_FALSE(From({}).daemon);
}

TEST(TracingOptions, LogsAWrongAddressAndGoesOnWithoutTracing) {
  const LogLines log;
  EXPECT_FALSE(From({{"AWS_XRAY_DAEMON_ADDRESS", "nonsense"}}).daemon);
  EXPECT_THAT(log.lines(), HasSubstr("AWS_XRAY_DAEMON_ADDRESS"));
}

TEST(TracingOptions, ReadsRulesFromAFileAndLogsAWrongOne) {
  const std::string path = testing::TempDir() + "/rules.json";
  std::ofstream(path) << R"({"version": 2, "default": {"fixed_target": 3, "rate": 0.5}})";
  EXPECT_THAT(From({{"STRATUS_SAMPLING_RULES", path}}).local_rules, SizeIs(1));
  std::ofstream(path) << "nonsense";
  const LogLines log;
  EXPECT_THAT(From({{"STRATUS_SAMPLING_RULES", path}}).local_rules, IsEmpty());
  EXPECT_THAT(From({{"STRATUS_SAMPLING_RULES", "/does/not/exist"}}).local_rules, IsEmpty());
  EXPECT_THAT(log.lines(), HasSubstr("not a JSON object"));
  EXPECT_THAT(log.lines(), HasSubstr("cannot be read"));
}

TEST(TracingOptions, FindsACollector) {
  EXPECT_EQ(From({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/"}}).otlp_url, "http://c:4318/v1/traces");
  const TracingOptions options = From({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"},
                                       {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://d/x"},
                                       {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b%3D, x=y"}});
  EXPECT_EQ(options.otlp_url, "https://d/x");
  EXPECT_THAT(options.otlp_headers, ElementsAre(Pair("api-key", "a b="), Pair("x", "y")));
  const LogLines log;
  EXPECT_EQ(From({{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"}}).otlp_url, "");
  EXPECT_THAT(log.lines(), HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT"));
}

const std::map<std::string, std::string, std::less<>> kXRay = {
    {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://xray.eu-west-1.amazonaws.com/v1/traces"},
    {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
    {"AWS_SECRET_ACCESS_KEY", "top-secret"},
    {"AWS_SESSION_TOKEN", "token"}};

TEST(TracingOptions, SignsWhatGoesToXRayItself) {
  const TracingOptions options = From(kXRay);
  ASSERT_TRUE(options.otlp_signing);
  EXPECT_EQ(options.otlp_signing->region, "eu-west-1");
  EXPECT_EQ(options.otlp_signing->service, "xray");
  EXPECT_EQ(options.otlp_signing->access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(options.otlp_signing->secret_access_key, "top-secret");
  EXPECT_EQ(options.otlp_signing->session_token, "token");
  EXPECT_TRUE(options.otlp_gzip);
}

TEST(TracingOptions, GivesNoCredentialsToACollector) {
  for (const std::string url :
       {"https://collector:4318/v1/traces", "https://xray.example.com/v1/traces",
        "https://xray.eu-west-1.amazonaws.com.example.com/v1/traces", "http://xray.eu-west-1.amazonaws.com/v1/traces",
        "https://x@xray.eu-west-1.amazonaws.com/v1/traces"}) {
    auto variables = kXRay;
    variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = url;
    const TracingOptions options = From(variables);
    EXPECT_EQ(options.otlp_url, url);
    EXPECT_FALSE(options.otlp_signing) << url;
    EXPECT_FALSE(options.otlp_gzip);
  }
}

TEST(TracingOptions, SignsForARegionThatIsNamed) {
  auto variables = kXRay;
  variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://127.0.0.1:1/v1/traces";
  variables["STRATUS_OTLP_SIGV4_REGION"] = "us-east-1";
  variables["OTEL_EXPORTER_OTLP_COMPRESSION"] = "none";
  const TracingOptions options = From(variables);
  ASSERT_TRUE(options.otlp_signing);
  EXPECT_EQ(options.otlp_signing->region, "us-east-1");
  EXPECT_FALSE(options.otlp_gzip);
}

TEST(TracingOptions, SaysWhatXRayLacksAndNoSecret) {
  const LogLines log;
  auto variables = kXRay;
  variables.erase("AWS_ACCESS_KEY_ID");
  EXPECT_EQ(From(variables).otlp_url, "");
  EXPECT_THAT(log.lines(), HasSubstr("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set"));
  EXPECT_THAT(log.lines(), Not(HasSubstr("top-secret")));
  variables = kXRay;
  variables["OTEL_EXPORTER_OTLP_COMPRESSION"] = "zstd";
  EXPECT_EQ(From(variables).otlp_url, "");
  EXPECT_THAT(log.lines(), HasSubstr("neither gzip nor none"));
}

TEST(TracingOptions, SaysAtTheStartWhatCouldNeverBeSigned) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"STRATUS_OTLP_SIGV4_REGION", "eu west"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20top-secret"},
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://xray.eu-west-1.amazonaws.com/v1/traces?a=b"}};
  for (const auto& [name, value] : wrong) {
    const LogLines log;
    auto variables = kXRay;
    variables[name] = value;
    EXPECT_EQ(From(variables).otlp_url, "") << name;
    EXPECT_THAT(log.lines(), HasSubstr("a setting of tracing is not used"));
    EXPECT_THAT(log.lines(), Not(HasSubstr("top-secret")));
  }
}

TEST(TracingOptions, SaysWhereTheProgramRuns) {
  const std::string ecs = "ECS_CONTAINER_METADATA_URI_V4", aws = "AWS_EXECUTION_ENV";
  EXPECT_EQ(From({}).origin, "");
  EXPECT_EQ(From({{ecs, "http://x"}, {aws, "AWS_ECS_FARGATE"}}).origin, "AWS::ECS::Fargate");
  EXPECT_EQ(From({{ecs, "http://x"}, {aws, "AWS_ECS_EC2"}}).origin, "AWS::ECS::Container");
  const TracingOptions eks = From({{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"HOSTNAME", "pod-1"}});
  EXPECT_EQ(eks.origin, "AWS::EKS::Container");
  EXPECT_THAT(eks.aws, ElementsAre(Pair("eks.pod", "pod-1")));
}

TEST(Tracing, IsOffWithoutADaemon) {
  const auto tracing = Tracing::Start({});
  EXPECT_EQ(tracing->TracerFor("door"), nullptr);
  Metrics metrics;
  const auto source = metrics.AddSource([&](Snapshot& out) { tracing->WriteMetrics(out); });
  EXPECT_THAT(metrics.Scrape(), Not(HasSubstr("stratus_trace")));
  tracing->Shutdown(absl::ZeroDuration());
}

TEST(Tracing, GivesEachExporterEverySpan) {
  TracingOptions options;
  options.daemon = DaemonAddress{{"127.0.0.1", 9}, {"127.0.0.1", 9}};
  options.otlp_url = "http://127.0.0.1:9/v1/traces";
  SamplingRule everything;
  everything.fixed_rate = 1;
  options.local_rules = {everything};
  options.central_rules = false;
  const auto tracing = Tracing::Start(options);
  TraceContext trace = ContinueTrace("", "");
  tracing->TracerFor("door")->StartSegment(&trace, {}).End();
  tracing->Shutdown(absl::ZeroDuration());
  Metrics metrics;
  const auto source = metrics.AddSource([&](Snapshot& out) { tracing->WriteMetrics(out); });
  EXPECT_THAT(metrics.Scrape(), HasSubstr("stratus_trace_spans_created_total{exporter=\"xray\"} 1\n"));
  EXPECT_THAT(metrics.Scrape(), HasSubstr("stratus_trace_spans_created_total{exporter=\"otlp\"} 1\n"));
}

TEST(Tracing, LosesNothingInSilenceWhereNobodyListens) {
  TracingOptions options;
  options.daemon = DaemonAddress{{"127.0.0.1", 9}, {"127.0.0.1", 9}};
  SamplingRule everything;
  everything.fixed_rate = 1;
  options.local_rules = {everything};
  options.central_rules = false;
  const auto tracing = Tracing::Start(options);
  const Tracer* tracer = tracing->TracerFor("door");
  ASSERT_NE(tracer, nullptr);
  EXPECT_EQ(tracer->resource().service_name, "door");
  TraceContext trace = ContinueTrace("", "");
  tracer->StartSegment(&trace, {}).End();
  tracing->Shutdown(absl::InfiniteDuration());
  Metrics metrics;
  const auto source = metrics.AddSource([&](Snapshot& out) { tracing->WriteMetrics(out); });
  EXPECT_THAT(metrics.Scrape(), HasSubstr("stratus_trace_spans_created_total{exporter=\"xray\"} 1\n"));
  EXPECT_THAT(metrics.Scrape(),
              HasSubstr("stratus_trace_spans_dropped_total{exporter=\"xray\",reason=\"refused\"} 1\n"));
}

}  // namespace
}  // namespace stratus::telemetry
