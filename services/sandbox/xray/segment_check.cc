#include "services/sandbox/xray/segment_check.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::sandbox::xray {
namespace {

constexpr size_t kDatagramMax = 65'507;
constexpr size_t kProblemsMax = 20;
constexpr size_t kDepthMax = 32;
constexpr absl::Duration kAgeMax = absl::Hours(24 * 30);
constexpr absl::Duration kFutureMax = absl::Minutes(5);

const std::set<std::string> kSegmentKeys = {"name",        "id",          "trace_id",    "parent_id", "start_time",
                                            "end_time",    "in_progress", "origin",      "service",   "aws",
                                            "http",        "error",       "throttle",    "fault",     "cause",
                                            "annotations", "metadata",    "subsegments", "user",      "resource_arn"};
const std::set<std::string> kInnerKeys = {
    "name",  "id",       "start_time", "end_time", "in_progress", "namespace", "aws",         "http",         "sql",
    "error", "throttle", "fault",      "cause",    "annotations", "metadata",  "subsegments", "precursor_ids"};
const std::set<std::string> kOrigins = {"AWS::EC2::Instance",  "AWS::ECS::Container",
                                        "AWS::ECS::EC2",       "AWS::ECS::Fargate",
                                        "AWS::EKS::Container", "AWS::ElasticBeanstalk::Environment"};
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html#api-segmentdocuments-aws
const std::set<std::string> kAwsTexts = {"account_id", "operation", "region", "request_id", "queue_url", "table_name"};
const std::map<std::string, std::set<std::string>> kAwsGroups = {
    {"ecs", {"container", "container_id", "container_arn"}},
    {"eks", {"cluster_name", "pod", "container_id"}},
    {"ec2", {"instance_id", "availability_zone", "instance_size", "ami_id"}},
    {"elastic_beanstalk", {"environment_name", "version_label", "deployment_id"}},
    {"xray", {"sdk", "sdk_version", "auto_instrumentation"}}};

bool IsLowerHex(std::string_view text, size_t digits) {
  return text.size() == digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

size_t Characters(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool IsNameCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || absl::ascii_isalnum(byte) || absl::ascii_isspace(byte) ||
         std::string_view("_.:/%&#=+\\-@").find(c) != std::string_view::npos;
}

class Checker {
 public:
  explicit Checker(absl::Time now) : now_(now) {}

  void Document(const Json& document) {
    if (!document.is_object()) return Add("", "is not a JSON object");
    const bool alone = document.contains("type");
    std::set<std::string> keys = alone ? kInnerKeys : kSegmentKeys;
    if (alone) keys.insert({"type", "trace_id", "parent_id"});
    if (alone && document["type"] != "subsegment") Add("type", "is not `subsegment`");
    Keys(document, "", keys);
    TraceId(document);
    if (alone && !document.contains("parent_id")) Add("parent_id", "is missing");
    if (document.contains("parent_id")) Id(document, "", "parent_id");
    if (document.contains("origin") && (!document["origin"].is_string() || !kOrigins.contains(document["origin"]))) {
      Add("origin", "is none of AWS's");
    }
    Service(document);
    Text(document, "", "user", 250);
    Text(document, "", "resource_arn", 250);
    Span(document, "", alone, 0);
    if (annotations_ > 50) Add("annotations", "are more than 50");
  }

  std::vector<std::string> problems() && { return std::move(problems_); }

 private:
  void Add(std::string_view path, std::string_view what) {
    if (problems_.size() < kProblemsMax) {
      problems_.push_back(absl::StrCat(core::ToAbsl(path), path.empty() ? "" : ": ", core::ToAbsl(what)));
    }
  }
  static std::string Join(const std::string& path, std::string_view key) {
    return absl::StrCat(path, path.empty() ? "" : ".", core::ToAbsl(key));
  }

  void Keys(const Json& object, const std::string& path, const std::set<std::string>& known) {
    for (const auto& [key, value] : object.items()) {
      if (!known.contains(key)) Add(Join(path, key), "is no field of it");
    }
  }
  // The member where it is there and an object.
  const Json* Object(const Json& parent, const std::string& path, const char* key) {
    const auto found = parent.find(key);
    if (found == parent.end()) return nullptr;
    if (found->is_object()) return &*found;
    Add(Join(path, key), "is not an object");
    return nullptr;
  }
  void Text(const Json& object, const std::string& path, const char* key, size_t characters_max, bool needed = false) {
    const auto found = object.find(key);
    if (found == object.end()) {
      if (needed) Add(Join(path, key), "is missing");
    } else if (!found->is_string()) {
      Add(Join(path, key), "is not text");
    } else if (Characters(found->get_ref<const std::string&>()) > characters_max) {
      Add(Join(path, key), absl::StrCat("has more than ", characters_max, " characters"));
    }
  }
  void Bool(const Json& object, const std::string& path, const char* key) {
    const auto found = object.find(key);
    if (found != object.end() && !found->is_boolean()) Add(Join(path, key), "is neither true nor false");
  }

  void Id(const Json& object, const std::string& path, const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) return Add(Join(path, key), "is missing");
    const bool good =
        found->is_string() && IsLowerHex(found->get_ref<const std::string&>(), 16) && *found != "0000000000000000";
    if (!good) Add(Join(path, key), "is not 16 lower-case hexadecimal digits");
  }

  void TraceId(const Json& document) {
    const auto found = document.find("trace_id");
    if (found == document.end()) return Add("trace_id", "is missing");
    const std::string id = found->is_string() ? found->get<std::string>() : "";
    const bool form = id.size() == 35 && id.starts_with("1-") && id[10] == '-' && IsLowerHex(id.substr(2, 8), 8) &&
                      IsLowerHex(id.substr(11), 24);
    // A trace that a W3C client began has any digits in its middle: X-Ray takes those since 2023.
    if (!form) Add("trace_id", "has not the form 1-8hex-24hex");
  }

  void Service(const Json& document) {
    const Json* service = Object(document, "", "service");
    if (service == nullptr) return;
    Keys(*service, "service", {"version"});
    Text(*service, "service", "version", 200, true);
  }

  void Times(const Json& span, const std::string& path) {
    const auto start = span.find("start_time"), end = span.find("end_time"), open = span.find("in_progress");
    if (start == span.end() || !start->is_number()) return Add(Join(path, "start_time"), "is not a number");
    const absl::Time began = absl::UnixEpoch() + absl::Seconds(start->get<double>());
    if (began < now_ - kAgeMax) Add(Join(path, "start_time"), "is more than 30 days ago");
    if (began > now_ + kFutureMax) Add(Join(path, "start_time"), "is in the future");
    const bool in_progress = open != span.end();
    if (in_progress && *open != true) Add(Join(path, "in_progress"), "may only be true");
    if (in_progress == (end != span.end())) return Add(Join(path, "end_time"), "stands for what is not in progress");
    if (in_progress) return;
    if (!end->is_number() || end->get<double>() < start->get<double>())
      Add(Join(path, "end_time"), "is before the start");
  }

  void Span(const Json& span, const std::string& path, bool subsegment, size_t depth) {
    if (depth > kDepthMax) return Add(path, "is nested too deeply");
    Text(span, path, "name", 200, true);
    if (const auto name = span.find("name"); name != span.end() && name->is_string()) {
      const std::string& text = name->get_ref<const std::string&>();
      if (text.empty() || !std::all_of(text.begin(), text.end(), IsNameCharacter)) {
        Add(Join(path, "name"), "is empty, or holds a character that X-Ray does not take");
      }
    }
    Id(span, path, "id");
    if (const auto id = span.find("id"); id != span.end() && !ids_.insert(id->dump()).second) {
      Add(Join(path, "id"), "is another span's too");
    }
    Times(span, path);
    for (const char* flag : {"error", "throttle", "fault"}) Bool(span, path, flag);
    if (span.contains("throttle") && !span.contains("error"))
      Add(Join(path, "throttle"), "is an error without `error`");
    if (const auto space = span.find("namespace"); space != span.end() && *space != "aws" && *space != "remote") {
      Add(Join(path, "namespace"), "is neither aws nor remote");
    }
    Http(span, path, subsegment);
    Sql(span, path);
    Cause(span, path);
    Annotations(span, path);
    Metadata(span, path);
    Aws(span, path);
    Subsegments(span, path, depth);
  }

  void Aws(const Json& span, const std::string& parent) {
    const Json* aws = Object(span, parent, "aws");
    if (aws == nullptr) return;
    const std::string path = Join(parent, "aws");
    for (const auto& [key, value] : aws->items()) {
      if (kAwsTexts.contains(key)) {
        Text(*aws, path, key.c_str(), 250);
        continue;
      }
      const auto group = kAwsGroups.find(key);
      if (group == kAwsGroups.end()) {
        Add(Join(path, key), "is no field of it");
      } else if (const Json* members = Object(*aws, path, key.c_str())) {
        Keys(*members, Join(path, key), group->second);
        for (const auto& [name, member] : members->items()) {
          if (name == "auto_instrumentation") {
            Bool(*members, Join(path, key), name.c_str());
          } else {
            Text(*members, Join(path, key), name.c_str(), 250);
          }
        }
      }
    }
  }

  void Http(const Json& span, const std::string& parent, bool subsegment) {
    const Json* http = Object(span, parent, "http");
    if (http == nullptr) return;
    const std::string path = Join(parent, "http");
    Keys(*http, path, {"request", "response"});
    if (const Json* request = Object(*http, path, "request")) {
      const std::string at = Join(path, "request");
      std::set<std::string> keys = {"method", "url", "user_agent", "client_ip", "x_forwarded_for"};
      if (subsegment) keys.insert("traced");
      Keys(*request, at, keys);
      Text(*request, at, "method", 32, true);
      Text(*request, at, "url", 2048, true);
      Text(*request, at, "user_agent", 250);
      Text(*request, at, "client_ip", 64);
      Bool(*request, at, "x_forwarded_for");
      Bool(*request, at, "traced");
    }
    if (const Json* response = Object(*http, path, "response")) {
      const std::string at = Join(path, "response");
      Keys(*response, at, {"status", "content_length"});
      const auto status = response->find("status"), length = response->find("content_length");
      if (status != response->end() &&
          (!status->is_number_integer() || status->get<int64_t>() < 100 || status->get<int64_t>() > 599)) {
        Add(Join(at, "status"), "is no HTTP status");
      }
      if (length != response->end() && (!length->is_number_integer() || length->get<int64_t>() < 0)) {
        Add(Join(at, "content_length"), "is no length");
      }
    }
  }

  void Sql(const Json& span, const std::string& parent) {
    const Json* sql = Object(span, parent, "sql");
    if (sql == nullptr) return;
    const std::string path = Join(parent, "sql");
    Keys(*sql, path,
         {"connection_string", "url", "sanitized_query", "database_type", "database_version", "driver_version", "user",
          "preparation"});
    for (const auto& [key, value] : sql->items()) Text(*sql, path, key.c_str(), 4096);
  }

  void Cause(const Json& span, const std::string& parent) {
    const auto found = span.find("cause");
    if (found == span.end()) return;
    const std::string path = Join(parent, "cause");
    if (found->is_string()) {
      if (!IsLowerHex(found->get_ref<const std::string&>(), 16)) Add(path, "is no exception's id");
      return;
    }
    if (!found->is_object()) return Add(path, "is neither an id nor an object");
    Keys(*found, path, {"working_directory", "paths", "exceptions"});
    const auto exceptions = found->find("exceptions");
    if (exceptions == found->end() || !exceptions->is_array()) return Add(Join(path, "exceptions"), "is no list");
    for (size_t i = 0; i < exceptions->size(); ++i) {
      const Json& exception = (*exceptions)[i];
      const std::string at = absl::StrCat(path, ".exceptions[", i, "]");
      if (!exception.is_object()) {
        Add(at, "is not an object");
        continue;
      }
      Keys(exception, at, {"id", "message", "type", "remote", "truncated", "skipped", "cause", "stack"});
      Id(exception, at, "id");
      Text(exception, at, "message", 10'000);
      Text(exception, at, "type", 500);
      Bool(exception, at, "remote");
    }
  }

  void Annotations(const Json& span, const std::string& parent) {
    const Json* annotations = Object(span, parent, "annotations");
    if (annotations == nullptr) return;
    const std::string path = Join(parent, "annotations");
    for (const auto& [key, value] : annotations->items()) {
      ++annotations_;
      const bool good_key = !key.empty() && key.size() <= 500 && std::all_of(key.begin(), key.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
      });
      if (!good_key) Add(Join(path, key), "is no annotation's key");
      if (value.is_string()) {
        Text(*annotations, path, key.c_str(), 1000);
      } else if (!value.is_number() && !value.is_boolean()) {
        Add(Join(path, key), "is neither text, nor a number, nor true or false");
      }
    }
  }

  void Metadata(const Json& span, const std::string& parent) {
    const Json* metadata = Object(span, parent, "metadata");
    if (metadata == nullptr) return;
    for (const auto& [space, values] : metadata->items()) {
      if (space.starts_with("AWS.")) Add(Join(Join(parent, "metadata"), space), "is a namespace of AWS's own");
    }
  }

  void Subsegments(const Json& span, const std::string& parent, size_t depth) {
    const auto found = span.find("subsegments");
    if (found == span.end()) return;
    if (!found->is_array() || found->empty()) return Add(Join(parent, "subsegments"), "is no list, or an empty one");
    for (size_t i = 0; i < found->size(); ++i) {
      const Json& inner = (*found)[i];
      const std::string path = Join(parent, absl::StrCat("subsegments[", i, "]").c_str());
      if (!inner.is_object()) {
        Add(path, "is not an object");
        continue;
      }
      Keys(inner, path, kInnerKeys);
      Span(inner, path, true, depth + 1);
    }
  }

  const absl::Time now_;
  std::vector<std::string> problems_;
  std::set<std::string> ids_;
  size_t annotations_ = 0;
};

}  // namespace

std::vector<std::string> CheckDocument(const Json& document, absl::Time now) {
  Checker checker(now);
  checker.Document(document);
  return std::move(checker).problems();
}

std::vector<std::string> CheckDatagram(std::string_view datagram, absl::Time now, Json* document) {
  if (datagram.size() > kDatagramMax) return {"the datagram is larger than UDP carries"};
  const size_t line = datagram.find('\n');
  if (line == std::string_view::npos) return {"there is no header line"};
  const Json header = Json::parse(datagram.substr(0, line), nullptr, false);
  if (!header.is_object() || header.size() != 2 || header.value("format", "") != "json" ||
      !header.contains("version") || header["version"] != 1) {
    return {R"(the header is not {"format": "json", "version": 1})"};
  }
  *document = Json::parse(datagram.substr(line + 1), nullptr, false);
  if (document->is_discarded()) return {"the document is not JSON"};
  return CheckDocument(*document, now);
}

}  // namespace stratus::sandbox::xray
