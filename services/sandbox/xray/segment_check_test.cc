#include "services/sandbox/xray/segment_check.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::sandbox::xray {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'478'293'400);

Json Segment() {
  return Json::parse(R"({
    "name": "stratus-gateway", "id": "53995c3f42cd8ad8", "trace_id": "1-581cf771-a006649127e371903a2de979",
    "start_time": 1478293361.271, "end_time": 1478293361.45, "origin": "AWS::ECS::Container",
    "service": {"version": "1"}, "aws": {"xray": {"sdk": "x"}}, "error": true, "throttle": true,
    "http": {"request": {"method": "GET", "url": "/x", "client_ip": "::1", "x_forwarded_for": true, "user_agent": "a"},
             "response": {"status": 429, "content_length": 0}},
    "cause": {"exceptions": [{"id": "53995c3f42cd8adb", "type": "T", "message": "m", "remote": true}]},
    "annotations": {"key_1": "text", "n": 1.5, "b": true}, "metadata": {"stratus": {"any": [1, 2]}},
    "subsegments": [{"name": "api.example.com", "id": "53995c3f42cd8ad9", "namespace": "remote",
                     "start_time": 1478293361.3, "end_time": 1478293361.4,
                     "http": {"request": {"method": "GET", "url": "https://api.example.com/", "traced": true}},
                     "subsegments": [{"name": "query", "id": "53995c3f42cd8ada", "start_time": 1478293361.3,
                                      "in_progress": true, "namespace": "remote",
                                      "sql": {"database_type": "SQLite", "sanitized_query": "SELECT 1"}}]}]})");
}

// The problems of the segment with one field replaced; a null takes it away.
std::vector<std::string> With(const char* pointer, Json value) {
  Json segment = Segment();
  const Json::json_pointer at(pointer);
  if (value.is_null()) {
    segment[at.parent_pointer()].erase(at.back());
  } else {
    segment[at] = std::move(value);
  }
  return CheckDocument(segment, kNow);
}

TEST(SegmentCheck, TakesWhatTheServiceDocuments) { EXPECT_THAT(CheckDocument(Segment(), kNow), IsEmpty()); }

TEST(SegmentCheck, TakesASubsegmentByItself) {
  Json document = Segment()["subsegments"][0];
  document["type"] = "subsegment";
  document["trace_id"] = "1-581cf771-a006649127e371903a2de979";
  document["parent_id"] = "53995c3f42cd8ad8";
  EXPECT_THAT(CheckDocument(document, kNow), IsEmpty());
  document.erase("parent_id");
  EXPECT_THAT(CheckDocument(document, kNow), Contains("parent_id: is missing"));
}

TEST(SegmentCheck, NamesWhatIsWrong) {
  struct Case {
    const char* pointer;
    Json value;
    const char* problem;
  };
  const Case cases[] = {
      {"/name", nullptr, "name: is missing"},
      {"/name", "", "name: is empty"},
      {"/name", std::string(201, 'x'), "name: has more than 200"},
      {"/name", "a<b>", "name: is empty, or holds a character"},
      {"/id", "53995C3F42CD8AD8", "id: is not 16"},
      {"/id", "0000000000000000", "id: is not 16"},
      {"/id", "53995c3f42cd8ad9", "subsegments[0].id: is another span's"},
      {"/trace_id", "581cf771a006649127e371903a2de979", "trace_id: has not the form"},
      {"/trace_id", nullptr, "trace_id: is missing"},
      {"/parent_id", "xyz", "parent_id: is not 16"},
      {"/start_time", "1478293361", "start_time: is not a number"},
      {"/start_time", 1478293361000.0, "start_time: is in the future"},
      {"/start_time", 1400000000.0, "start_time: is more than 30 days"},
      {"/end_time", 1478293361.0, "end_time: is before the start"},
      {"/end_time", nullptr, "end_time: stands for"},
      {"/in_progress", true, "end_time: stands for"},
      {"/aws", 1, "aws: is not an object"},
      {"/aws/lambda", "x", "aws.lambda: is no field"},
      {"/aws/region", 1, "aws.region: is not text"},
      {"/aws/ecs", "x", "aws.ecs: is not an object"},
      {"/aws/ecs", {{"pod", "x"}}, "aws.ecs.pod: is no field"},
      {"/aws/xray/sdk", 1, "aws.xray.sdk: is not text"},
      {"/user", 1, "user: is not text"},
      {"/resource_arn", 1, "resource_arn: is not text"},
      {"/type", "segment", "type: is not `subsegment`"},
      {"/namespace", "remote", "namespace: is no field"},
      {"/origin", "AWS::Nowhere", "origin: is none"},
      {"/service", "1", "service: is not an object"},
      {"/service/name", "x", "service.name: is no field"},
      {"/error", 1, "error: is neither"},
      {"/error", nullptr, "throttle: is an error without"},
      {"/http/status", 200, "http.status: is no field"},
      {"/http/request/traced", true, "http.request.traced: is no field"},
      {"/http/request/method", nullptr, "http.request.method: is missing"},
      {"/http/request/user_agent", std::string(251, 'x'), "user_agent: has more than 250"},
      {"/http/response/status", 42, "http.response.status: is no HTTP status"},
      {"/http/response/status", "200", "http.response.status: is no HTTP status"},
      {"/http/response/content_length", -1, "content_length: is no length"},
      {"/annotations/bad-key", 1, "annotations.bad-key: is no annotation's key"},
      {"/annotations/list", Json::array(), "annotations.list: is neither"},
      {"/annotations/long", std::string(1001, 'x'), "annotations.long: has more than 1000"},
      {"/metadata/AWS.x", Json::object(), "metadata.AWS.x: is a namespace"},
      {"/cause", "not an id", "cause: is no exception's id"},
      {"/cause/exceptions/0/id", "short", "cause.exceptions[0].id: is not 16"},
      {"/subsegments/0/trace_id", "1-581cf771-a006649127e371903a2de979", "subsegments[0].trace_id: is no field"},
      {"/subsegments/0/type", "subsegment", "subsegments[0].type: is no field"},
      {"/subsegments/0/namespace", "local", "subsegments[0].namespace: is neither"},
      {"/subsegments/0/subsegments/0/sql/rows", 1, "sql.rows: is no field"},
      {"/subsegments", Json::array(), "subsegments: is no list, or an empty one"},
      {"/anything", 1, "anything: is no field"},
  };
  for (const Case& wrong : cases) {
    EXPECT_THAT(With(wrong.pointer, wrong.value), Contains(HasSubstr(wrong.problem))) << wrong.pointer;
  }
}

TEST(SegmentCheck, CountsAnnotationsOfTheWholeDocument) {
  Json segment = Segment();
  for (int i = 0; i < 30; ++i) {
    segment["annotations"]["a" + std::to_string(i)] = i;
    segment["subsegments"][0]["annotations"]["b" + std::to_string(i)] = i;
  }
  EXPECT_THAT(CheckDocument(segment, kNow), Contains("annotations: are more than 50"));
}

TEST(SegmentCheck, LooksAtTheDatagramsHeader) {
  Json document;
  const std::string body = Segment().dump();
  EXPECT_THAT(CheckDatagram("{\"format\": \"json\", \"version\": 1}\n" + body, kNow, &document), IsEmpty());
  EXPECT_EQ(document, Segment());
  for (const char* header :
       {"", "{}\n", "{\"format\": \"json\", \"version\": 2}\n", "{\"format\": \"xml\", \"version\": 1}\n",
        "{\"format\": \"json\", \"version\": 1, \"more\": 1}\n", "nonsense\n"}) {
    EXPECT_FALSE(CheckDatagram(header + body, kNow, &document).empty()) << header;
  }
  EXPECT_THAT(CheckDatagram("{\"format\": \"json\", \"version\": 1}\n{", kNow, &document),
              Contains("the document is not JSON"));
  EXPECT_THAT(CheckDatagram("{\"format\": \"json\", \"version\": 1}\n[]", kNow, &document),
              Contains("is not a JSON object"));
  EXPECT_THAT(CheckDatagram(std::string(65'508, ' '), kNow, &document), Contains(HasSubstr("larger than UDP")));
}

}  // namespace
}  // namespace stratus::sandbox::xray
