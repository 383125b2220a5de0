#include "lib/telemetry/xray_document.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::telemetry {
namespace {

using Json = nlohmann::json;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

template <size_t kSize>
std::array<char, kSize> Digits(const char* text) {
  std::array<char, kSize> digits{};
  std::copy_n(text, kSize, digits.begin());
  return digits;
}

SpanRecord NewSpan(SpanKind kind, const std::string& name, const char* id, const char* parent = nullptr) {
  SpanRecord span;
  span.kind = kind;
  span.name = name;
  span.trace_id = Digits<32>("5759e988bd862e3fe1be46a994272793");
  span.id = Digits<16>(id);
  span.has_parent = parent != nullptr;
  if (parent != nullptr) span.parent_id = Digits<16>(parent);
  span.start = absl::FromUnixMicros(1'478'293'361'271'449);
  span.duration = absl::Microseconds(178'553);
  return span;
}

constexpr char kSegmentId[] = "53995c3f42cd8ad8";
constexpr char kInnerId[] = "53995c3f42cd8ad9";
constexpr char kParentId[] = "defdfd9912dc5a56";

class XRayDocument : public ::testing::Test {
 protected:
  XRayDocument() {
    auto resource = std::make_shared<Resource>();
    resource->service_name = "stratus-gateway";
    resource->service_version = "1.2.3";
    resource->origin = "AWS::ECS::Container";
    resource->aws = {{"ecs.container", "abc"}, {"ecs.container_id", "def"}, {"ec2.instance_id", "i-1"}};
    finished_.resource = resource;
  }

  std::vector<Json> Write(size_t bytes_max = 65'000) {
    std::vector<Json> documents;
    spans_ = 0;
    counts_ = WriteXRayDocuments(finished_, bytes_max, [&](std::string_view text, size_t spans) {
      EXPECT_LE(text.size(), bytes_max);
      EXPECT_EQ(text.find('\n'), std::string_view::npos);
      documents.push_back(Json::parse(text));
      spans_ += spans;
    });
    return documents;
  }
  Json WriteOne() {
    const std::vector<Json> documents = Write();
    EXPECT_THAT(documents, SizeIs(1));
    return documents.at(0);
  }

  FinishedSpans finished_;
  DocumentCounts counts_;
  size_t spans_ = 0;
};

TEST_F(XRayDocument, HasTheFormOfASegment) {
  SpanRecord span = NewSpan(SpanKind::kServer, "stratus-gateway", kSegmentId, kParentId);
  span.http = {.method = "GET",
               .url = "/v1/weather:today",
               .user_agent = "curl/8",
               .client_ip = "10.1.2.3",
               .x_forwarded_for = true,
               .status = 200,
               .content_length = 321};
  finished_.spans = {span};
  EXPECT_EQ(WriteOne(), Json::parse(R"({
    "name": "stratus-gateway", "id": "53995c3f42cd8ad8", "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
    "parent_id": "defdfd9912dc5a56", "start_time": 1478293361.271449, "end_time": 1478293361.450002,
    "origin": "AWS::ECS::Container", "service": {"version": "1.2.3"},
    "aws": {"ecs": {"container": "abc", "container_id": "def"}, "ec2": {"instance_id": "i-1"},
            "xray": {"sdk": "Stratus for C++"}},
    "http": {"request": {"method": "GET", "url": "/v1/weather:today", "user_agent": "curl/8", "client_ip": "10.1.2.3",
                         "x_forwarded_for": true},
             "response": {"status": 200, "content_length": 321}}})"));
  EXPECT_EQ(counts_.written, 1);
}

TEST_F(XRayDocument, HoldsSubsegmentsInsideTheirParents) {
  SpanRecord call = NewSpan(SpanKind::kClient, "api.openweathermap.org", kInnerId, kSegmentId);
  call.http = {.method = "GET", .url = "https://api.openweathermap.org/data", .traced = true, .status = 503};
  call.outcome = SpanOutcome::kFault;
  SpanRecord query = NewSpan(SpanKind::kDatabase, "runs", "53995c3f42cd8ada", kInnerId);
  query.database = {"PostgreSQL", "SELECT 1"};
  finished_.spans = {query, call, NewSpan(SpanKind::kServer, "weather", kSegmentId)};
  const Json document = WriteOne();
  ASSERT_THAT(document["subsegments"], SizeIs(1));
  EXPECT_FALSE(document.contains("parent_id"));
  const Json& inner = document["subsegments"][0];
  EXPECT_EQ(inner["namespace"], "remote");
  EXPECT_EQ(inner["fault"], true);
  EXPECT_EQ(inner["http"]["request"]["traced"], true);
  EXPECT_FALSE(inner.contains("trace_id"));
  EXPECT_FALSE(inner.contains("parent_id"));
  EXPECT_FALSE(inner.contains("type"));
  EXPECT_EQ(inner["subsegments"][0]["sql"],
            Json::parse(R"({"database_type":"PostgreSQL","sanitized_query":"SELECT 1"})"));
  EXPECT_EQ(spans_, 3u);
}

TEST_F(XRayDocument, OfASubsegmentByItselfNamesTraceParentAndType) {
  finished_.spans = {NewSpan(SpanKind::kInternal, "refresh", kInnerId, kSegmentId)};
  const Json document = WriteOne();
  EXPECT_EQ(document["type"], "subsegment");
  EXPECT_EQ(document["trace_id"], "1-5759e988-bd862e3fe1be46a994272793");
  EXPECT_EQ(document["parent_id"], kSegmentId);
  EXPECT_FALSE(document.contains("namespace"));
  EXPECT_FALSE(document.contains("aws"));
}

TEST_F(XRayDocument, MarksErrorsThrottlesAndFaults) {
  const auto flags = [&](SpanOutcome outcome) {
    finished_.spans = {NewSpan(SpanKind::kServer, "a", kSegmentId)};
    finished_.spans[0].outcome = outcome;
    const Json document = WriteOne();
    return std::string(document.contains("error") ? "e" : "") + (document.contains("throttle") ? "t" : "") +
           (document.contains("fault") ? "f" : "");
  };
  EXPECT_EQ(flags(SpanOutcome::kOk), "");
  EXPECT_EQ(flags(SpanOutcome::kError), "e");
  EXPECT_EQ(flags(SpanOutcome::kThrottle), "et");
  EXPECT_EQ(flags(SpanOutcome::kFault), "f");
}

TEST_F(XRayDocument, GivesEachExceptionAnId) {
  finished_.spans = {NewSpan(SpanKind::kServer, "a", kSegmentId)};
  finished_.spans[0].exceptions = {{"UNAVAILABLE", "it said \"no\"\n", true}};
  const Json document = WriteOne();
  const Json& exception = document["cause"]["exceptions"][0];
  EXPECT_THAT(exception["id"].get<std::string>(), MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(exception["type"], "UNAVAILABLE");
  EXPECT_EQ(exception["message"], "it said \"no\"\n");
  EXPECT_EQ(exception["remote"], true);
}

TEST_F(XRayDocument, WritesAnnotationsByTypeAndMetadataUnderANamespace) {
  SpanRecord span = NewSpan(SpanKind::kServer, "a", kSegmentId);
  span.annotations = {{"cache", "hit"}, {"attempts", int64_t{3}}, {"load", 0.5}, {"cold", true}};
  span.metadata = {{"plan", "1 to add"}};
  finished_.spans = {span};
  const Json document = WriteOne();
  EXPECT_EQ(document["annotations"], Json::parse(R"({"cache":"hit","attempts":3,"load":0.5,"cold":true})"));
  EXPECT_EQ(document["metadata"]["stratus"]["plan"], "1 to add");
}

TEST_F(XRayDocument, HoldsAtMostFiftyAnnotationsInAll) {
  finished_.spans = {NewSpan(SpanKind::kServer, "a", kSegmentId),
                     NewSpan(SpanKind::kInternal, "b", kInnerId, kSegmentId)};
  for (SpanRecord& span : finished_.spans) {
    for (int i = 0; i < 40; ++i) span.annotations.emplace_back("key_" + std::to_string(i), int64_t{i});
  }
  const Json document = WriteOne();
  EXPECT_THAT(document["annotations"], SizeIs(40));
  EXPECT_THAT(document["subsegments"][0]["annotations"], SizeIs(10));
}

TEST_F(XRayDocument, OfASpanUnderWayHasNoEnd) {
  finished_.spans = {NewSpan(SpanKind::kServer, "run", kSegmentId)};
  finished_.spans[0].in_progress = true;
  const Json document = WriteOne();
  EXPECT_EQ(document["in_progress"], true);
  EXPECT_FALSE(document.contains("end_time"));
}

TEST_F(XRayDocument, KeepsNamesToWhatXRayTakes) {
  EXPECT_EQ(XRayName("api.example.com:443/a_b%&#=+\\-@ c"), "api.example.com:443/a_b%&#=+\\-@ c");
  EXPECT_EQ(XRayName("a<b>\"c\"\n*?"), "a_b__c____");
  EXPECT_EQ(XRayName(""), "unknown");
  EXPECT_EQ(XRayName("Hà Nội"), "Hà Nội");
  EXPECT_EQ(XRayName(std::string(300, 'x')), std::string(200, 'x'));
  EXPECT_EQ(XRayName(std::string(199, 'x') + "\xE2\x82\xAC"), std::string(199, 'x'));
}

TEST_F(XRayDocument, TooLargeForADatagramSendsSubsegmentsByThemselves) {
  finished_.spans = {NewSpan(SpanKind::kServer, "a", kSegmentId)};
  for (int i = 0; i < 30; ++i) {
    SpanRecord child = NewSpan(SpanKind::kInternal, "part", kInnerId, kSegmentId);
    child.id[0] = static_cast<char>('a' + i % 6);
    child.id[1] = static_cast<char>('0' + i / 6);
    child.metadata = {{"text", std::string(200, 'x')}};
    finished_.spans.push_back(child);
  }
  const std::vector<Json> documents = Write(2000);
  ASSERT_THAT(documents, SizeIs(31));
  EXPECT_FALSE(documents[0].contains("subsegments"));
  EXPECT_FALSE(documents[0].contains("type"));
  for (size_t i = 1; i < documents.size(); ++i) {
    EXPECT_EQ(documents[i]["type"], "subsegment");
    EXPECT_EQ(documents[i]["parent_id"], kSegmentId);
    EXPECT_EQ(documents[i]["metadata"]["stratus"]["text"], std::string(200, 'x'));
  }
  EXPECT_EQ(counts_.truncated, 0);
  EXPECT_EQ(spans_, 31u);
}

TEST_F(XRayDocument, TruncatesASpanThatIsTooLargeByItself) {
  SpanRecord span = NewSpan(SpanKind::kServer, "a", kSegmentId);
  span.annotations = {{"key", "value"}};
  span.metadata = {{"text", std::string(3000, 'x')}};
  finished_.spans = {span};
  std::vector<Json> documents = Write(1000);
  ASSERT_THAT(documents, SizeIs(1));
  EXPECT_FALSE(documents[0].contains("metadata"));
  EXPECT_TRUE(documents[0].contains("annotations"));
  EXPECT_EQ(counts_.truncated, 1);

  finished_.spans[0].exceptions = {{"INTERNAL", std::string(1000, 'y')}};
  documents = Write(1000);
  ASSERT_THAT(documents, SizeIs(1));
  EXPECT_EQ(documents[0]["cause"]["exceptions"][0]["message"], std::string(100, 'y'));

  finished_.spans[0].annotations = {{"key", std::string(1000, 'z')}};
  documents = Write(1000);
  ASSERT_THAT(documents, SizeIs(1));
  EXPECT_FALSE(documents[0].contains("annotations"));
}

TEST_F(XRayDocument, DropsAndCountsWhatCannotBeMadeToFit) {
  finished_.spans = {NewSpan(SpanKind::kServer, "a", kSegmentId),
                     NewSpan(SpanKind::kInternal, "b", kInnerId, kSegmentId)};
  finished_.spans[0].http = {.method = "GET", .url = std::string(1000, 'x')};
  const std::vector<Json> documents = Write(500);
  ASSERT_THAT(documents, SizeIs(1));
  EXPECT_EQ(documents[0]["name"], "b");
  EXPECT_EQ(counts_.too_large, 1);
  EXPECT_EQ(spans_, 1u);
}

// As the exporter's thread uses it: nothing of one call's spans or resource is left for the next.
TEST_F(XRayDocument, AWriterThatIsUsedAgainWritesTheSame) {
  finished_.spans = {NewSpan(SpanKind::kServer, "one", kSegmentId),
                     NewSpan(SpanKind::kClient, "inner", kInnerId, kSegmentId)};
  FinishedSpans other;
  auto resource = std::make_shared<Resource>();
  resource->service_version = "2";
  other.resource = resource;
  other.spans = {NewSpan(SpanKind::kServer, "other", kParentId)};
  XRayDocumentWriter writer;
  std::vector<std::string> again;
  for (const FinishedSpans* finished : {&finished_, &other, &finished_, &other}) {
    writer.Write(*finished, 65'000, [&](std::string_view text, size_t) { again.emplace_back(text); });
  }
  std::vector<std::string> fresh;
  for (const FinishedSpans* finished : {&finished_, &other, &finished_, &other}) {
    WriteXRayDocuments(*finished, 65'000, [&](std::string_view text, size_t) { fresh.emplace_back(text); });
  }
  EXPECT_EQ(again, fresh);
  EXPECT_THAT(again, SizeIs(4));
}

}  // namespace
}  // namespace stratus::telemetry
