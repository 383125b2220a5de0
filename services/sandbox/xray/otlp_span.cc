#include "services/sandbox/xray/otlp_span.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/sandbox/xray/segment_check.h"

namespace stratus::sandbox::xray {
namespace {

// What X-Ray's endpoint takes.
constexpr size_t kSpanBytesMax = 200'000;
constexpr absl::Duration kAgeMax = absl::Hours(24 * 14);
constexpr absl::Duration kFutureMax = absl::Hours(2);

constexpr int64_t kKindServer = 2, kKindClient = 3, kStatusError = 2;

// Attributes that have a place of their own in a document.
const std::map<std::string, const char*> kPlaces = {{"http.request.method", "/http/request/method"},
                                                    {"url.full", "/http/request/url"},
                                                    {"user_agent.original", "/http/request/user_agent"},
                                                    {"client.address", "/http/request/client_ip"},
                                                    {"http.response.status_code", "/http/response/status"},
                                                    {"http.response.body.size", "/http/response/content_length"},
                                                    {"db.system.name", "/sql/database_type"},
                                                    {"db.query.text", "/sql/sanitized_query"}};

bool IsHex(const Json& value, size_t digits) {
  if (!value.is_string()) return false;
  const std::string& text = value.get_ref<const std::string&>();
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos &&
         text.find_first_not_of('0') != std::string::npos;
}

// 64-bit numbers are text in ProtoJSON.
std::optional<int64_t> Integer(const Json& value) {
  int64_t number = 0;
  if (!value.is_string() || !absl::SimpleAtoi(value.get_ref<const std::string&>(), &number)) return std::nullopt;
  return number;
}

// The scalar of an AnyValue, discarded where it is none.
Json Scalar(const Json& value) {
  if (!value.is_object() || value.size() != 1) return Json(Json::value_t::discarded);
  const std::string& kind = value.begin().key();
  const Json& content = value.begin().value();
  if (kind == "stringValue" && content.is_string()) return content;
  if (kind == "boolValue" && content.is_boolean()) return content;
  if (kind == "doubleValue" && content.is_number()) return content;
  const std::optional<int64_t> integer = kind == "intValue" ? Integer(content) : std::nullopt;
  return integer ? Json(*integer) : Json(Json::value_t::discarded);
}

class Reader {
 public:
  Reader(const Json& resource, const Json& span, absl::Time now) : resource_(resource), span_(span), now_(now) {}

  std::vector<std::string> Run(Json* document) {
    if (!span_.is_object()) return {"a span is not an object"};
    if (ToText(span_).size() > kSpanBytesMax) Add("", "is larger than 200 kB");
    static const std::set<std::string> kKeys = {
        "traceId", "spanId", "parentSpanId",      "name",           "kind", "attributes",
        "events",  "status", "startTimeUnixNano", "endTimeUnixNano"};
    for (const auto& [key, value] : span_.items()) {
      if (!kKeys.contains(key)) Add(key, "is no field that is sent");
    }
    Identity();
    Times();
    Resource();
    for (const auto& [key, value] : Attributes(span_, "attributes")) Place(key, value);
    Events();
    Outcome();
    if (!problems_.empty()) return std::move(problems_);
    *document = std::move(document_);
    return CheckDocument(*document, now_);
  }

 private:
  void Add(const std::string& path, const std::string& what) {
    problems_.push_back(absl::StrCat("OTLP ", path, path.empty() ? "" : ": ", what));
  }

  void Identity() {
    const Json kind = span_.value("kind", Json());
    segment_ = kind == kKindServer;
    if (!kind.is_number_integer() || kind < 1 || kind > 5) Add("kind", "is none of the protocol's numbers");
    if (!IsHex(span_.value("traceId", Json()), 32)) return Add("traceId", "is not 32 hexadecimal digits");
    if (!IsHex(span_.value("spanId", Json()), 16)) return Add("spanId", "is not 16 hexadecimal digits");
    const Json name = span_.value("name", Json());
    if (!name.is_string() || name.get_ref<const std::string&>().empty()) return Add("name", "is empty or no text");
    const std::string trace = span_["traceId"].get<std::string>();
    document_ = {{"name", XRayName(name.get<std::string>())},
                 {"id", span_["spanId"]},
                 {"trace_id", absl::StrCat("1-", trace.substr(0, 8), "-", trace.substr(8))}};
    if (span_.contains("parentSpanId")) {
      if (!IsHex(span_["parentSpanId"], 16)) Add("parentSpanId", "is not 16 hexadecimal digits");
      document_["parent_id"] = span_["parentSpanId"];
    }
    if (!segment_) document_["type"] = "subsegment";
    if (kind == kKindClient) document_["namespace"] = "remote";
  }

  // OTLP's names are free; a document's are not.
  static std::string XRayName(std::string name) {
    std::replace_if(
        name.begin(), name.end(),
        [](char c) {
          const auto byte = static_cast<unsigned char>(c);
          return byte < 0x80 && !absl::ascii_isalnum(byte) &&
                 std::string_view(" _.:/%&#=+\\-@").find(c) == std::string_view::npos;
        },
        '_');
    return name;
  }

  std::optional<absl::Time> Time(const char* key) {
    const std::optional<int64_t> nanos = Integer(span_.value(key, Json()));
    if (!nanos || *nanos <= 0) {
      Add(key, "is no time in nanoseconds, as text");
      return std::nullopt;
    }
    const absl::Time time = absl::FromUnixNanos(*nanos);
    if (time > now_ + kFutureMax) Add(key, "is more than 2 hours ahead");
    if (time < now_ - kAgeMax) Add(key, "is more than 14 days ago");
    return time;
  }

  void Times() {
    const std::optional<absl::Time> start = Time("startTimeUnixNano"), end = Time("endTimeUnixNano");
    if (!start || !end) return;
    if (*end < *start) Add("endTimeUnixNano", "is before the start");
    document_["start_time"] = absl::ToDoubleSeconds(*start - absl::UnixEpoch());
    document_["end_time"] = absl::ToDoubleSeconds(*end - absl::UnixEpoch());
  }

  // The scalars of a list of attributes.
  std::vector<std::pair<std::string, Json>> Attributes(const Json& holder, const std::string& path) {
    std::vector<std::pair<std::string, Json>> out;
    const Json list = holder.is_object() ? holder.value("attributes", Json::array()) : Json();
    if (!list.is_array()) Add(path, "is no list");
    for (size_t i = 0; i < (list.is_array() ? list.size() : 0); ++i) {
      const std::string at = absl::StrCat(path, "[", i, "]");
      const Json& entry = list[i];
      const bool form = entry.is_object() && entry.size() == 2 && entry.value("key", Json()).is_string();
      const Json value = form ? Scalar(entry.value("value", Json())) : Json(Json::value_t::discarded);
      if (value.is_discarded()) {
        Add(at, "is not {key, value} with a scalar");
      } else {
        out.emplace_back(entry["key"].get<std::string>(), value);
      }
    }
    return out;
  }

  void Resource() {
    bool named = false;
    for (const auto& [key, value] : Attributes(resource_, "resource.attributes")) {
      if (key == "service.name") named = value.is_string() && !value.get_ref<const std::string&>().empty();
      if (key == "service.version" && segment_) document_["service"] = {{"version", value}};
    }
    if (!named) Add("resource.attributes", "lack a service.name");
  }

  void Place(const std::string& key, const Json& value) {
    const auto place = kPlaces.find(key);
    if (place != kPlaces.end()) {
      document_[Json::json_pointer(place->second)] = value;
    } else if (key.starts_with("stratus.")) {
      document_["metadata"]["stratus"][key.substr(8)] = value;
    } else {
      document_["annotations"][key] = value;
    }
  }

  void Events() {
    const Json events = span_.value("events", Json::array());
    if (!events.is_array()) return Add("events", "is no list");
    for (const Json& event : events) {
      Json exception = {{"id", span_.value("spanId", Json())}};
      for (const auto& [key, value] : Attributes(event, "events.attributes")) {
        if (key == "exception.type") exception["type"] = value;
        if (key == "exception.message") exception["message"] = value;
      }
      if (!event.is_object() || event.value("name", "") != "exception" ||
          !Integer(event.value("timeUnixNano", Json()))) {
        return Add("events", "hold one that is no exception, or has no time");
      }
      document_["cause"]["exceptions"].push_back(exception);
    }
  }

  // As X-Ray tells it from a span: by the HTTP status where there is one.
  void Outcome() {
    const Json status = span_.value("status", Json::object());
    if (!status.is_object()) return Add("status", "is not an object");
    const bool failed = status.value("code", Json(0)) == kStatusError;
    const Json::json_pointer at("/http/response/status");
    const Json http = document_.contains(at) ? document_[at] : Json();
    const int64_t code = http.is_number_integer() ? http.get<int64_t>() : 0;
    if (code >= 400 && code < 500) document_["error"] = true;
    if (code == 429) document_["throttle"] = true;
    if (code >= 500 || (code < 400 && failed)) document_["fault"] = true;
  }

  const Json& resource_;
  const Json& span_;
  const absl::Time now_;
  bool segment_ = false;
  Json document_ = Json::object();
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> ReadOtlpSpan(const Json& resource, const Json& span, absl::Time now, Json* document) {
  return Reader(resource, span, now).Run(document);
}

}  // namespace stratus::sandbox::xray
