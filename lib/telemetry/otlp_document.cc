#include "lib/telemetry/otlp_document.h"

#include <algorithm>
#include <string_view>

#include "absl/time/time.h"
#include "lib/telemetry/json_writer.h"

namespace stratus::telemetry {
namespace {

// What is left out of a span that is too large.
enum class Detail { kAll, kNoMetadata, kNoAnnotations };

// Numbers of the protocol.
constexpr int kKindInternal = 1, kKindServer = 2, kKindClient = 3, kStatusError = 2;

int KindOf(const SpanRecord& span) {
  if (span.kind == SpanKind::kServer) return kKindServer;
  return span.kind == SpanKind::kInternal ? kKindInternal : kKindClient;
}

// {"key": ..., "value": {...}} entries of one list.
class Attributes {
 public:
  explicit Attributes(std::string* out) : out_(out), array_(out) {}

  void Text(std::string_view key, std::string_view value) {
    if (!value.empty()) Entry(key, [&](JsonObject* object) { object->Text("stringValue", value); });
  }
  // 64-bit integers are text in ProtoJSON.
  void Integer(std::string_view key, int64_t value) {
    Entry(key, [&](JsonObject* object) { object->Text("intValue", std::to_string(value)); });
  }
  void Any(std::string_view key, const AnnotationValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return Text(key, *text);
    if (const auto* integer = std::get_if<int64_t>(&value)) return Integer(key, *integer);
    Entry(key, [&](JsonObject* object) {
      if (const auto* number = std::get_if<double>(&value)) {
        object->Number("doubleValue", *number);
      } else {
        object->Bool("boolValue", std::get<bool>(value));
      }
    });
  }

 private:
  template <typename Write>
  void Entry(std::string_view key, Write&& write) {
    array_.Raw([&] {
      JsonObject entry(out_);
      entry.Text("key", key);
      entry.Raw("value", [&] {
        JsonObject value(out_);
        write(&value);
      });
    });
  }

  std::string* const out_;
  JsonArray array_;
};

void AppendResource(const Resource& resource, std::string* out) {
  JsonObject object(out);
  object.Raw("attributes", [&] {
    Attributes attributes(out);
    attributes.Text("service.name", resource.service_name);
    attributes.Text("service.version", resource.service_version);
    for (const auto& [key, value] : resource.aws) attributes.Text("aws." + key, value);
  });
}

void AppendAttributes(const SpanRecord& span, Detail detail, std::string* out) {
  Attributes attributes(out);
  const HttpFields& http = span.http;
  attributes.Text("http.request.method", http.method);
  attributes.Text("url.full", http.url);
  attributes.Text("user_agent.original", http.user_agent);
  attributes.Text("client.address", http.client_ip);
  if (http.status != 0) attributes.Integer("http.response.status_code", http.status);
  if (http.content_length >= 0) attributes.Integer("http.response.body.size", http.content_length);
  attributes.Text("db.system.name", span.database.type);
  attributes.Text("db.query.text", span.database.operation);
  if (detail == Detail::kNoAnnotations) return;
  for (const auto& [key, value] : span.annotations) attributes.Any(key, value);
  if (detail == Detail::kNoMetadata) return;
  for (const auto& [key, value] : span.metadata) attributes.Text("stratus." + key, value);
}

void AppendEvents(const SpanRecord& span, const std::string& end, std::string* out) {
  JsonArray events(out);
  for (const SpanException& exception : span.exceptions) {
    events.Raw([&] {
      JsonObject event(out);
      event.Text("timeUnixNano", end);
      event.Text("name", "exception");
      event.Raw("attributes", [&] {
        Attributes attributes(out);
        attributes.Text("exception.type", exception.type);
        attributes.Text("exception.message", exception.message);
      });
    });
  }
}

void AppendSpan(const SpanRecord& span, Detail detail, std::string* out) {
  const std::string start = std::to_string(absl::ToUnixNanos(span.start));
  const std::string end = std::to_string(absl::ToUnixNanos(span.start + span.duration));
  JsonObject object(out);
  object.Text("traceId", span.trace_id_text());
  object.Text("spanId", span.id_text());
  if (span.has_parent) object.Text("parentSpanId", span.parent_text());
  object.Text("name", span.name);
  object.Integer("kind", KindOf(span));
  object.Text("startTimeUnixNano", start);
  object.Text("endTimeUnixNano", end);
  object.Raw("attributes", [&] { AppendAttributes(span, detail, out); });
  if (!span.exceptions.empty()) object.Raw("events", [&] { AppendEvents(span, end, out); });
  // A server's span is in error by what was its own fault alone.
  const bool failed =
      span.kind == SpanKind::kServer ? span.outcome == SpanOutcome::kFault : span.outcome != SpanOutcome::kOk;
  if (failed) object.Raw("status", [&] { JsonObject(out).Integer("code", kStatusError); });
}

// The names, messages and URLs of a span are bounded (span.cc): without annotations it always fits.
void AppendSpanThatFits(const SpanRecord& span, std::string* out, OtlpCounts* counts) {
  const size_t before = out->size();
  ++counts->spans;
  for (const Detail detail : {Detail::kAll, Detail::kNoMetadata, Detail::kNoAnnotations}) {
    out->resize(before);
    AppendSpan(span, detail, out);
    if (out->size() - before > kOtlpSpanBytesMax) continue;
    if (detail != Detail::kAll) ++counts->truncated;
    return;
  }
}

size_t CountEnded(const FinishedSpans& finished) {
  return static_cast<size_t>(std::count_if(finished.spans.begin(), finished.spans.end(),
                                           [](const SpanRecord& span) { return !span.in_progress; }));
}

void AppendResourceSpans(const FinishedSpans& finished, std::string* out, OtlpCounts* counts) {
  JsonObject object(out);
  object.Raw("resource", [&] { AppendResource(*finished.resource, out); });
  object.Raw("scopeSpans", [&] {
    JsonArray scopes(out);
    scopes.Raw([&] {
      JsonObject scope(out);
      scope.Raw("scope", [&] { JsonObject(out).Text("name", "stratus"); });
      scope.Raw("spans", [&] {
        JsonArray spans(out);
        for (const SpanRecord& span : finished.spans) {
          if (!span.in_progress) spans.Raw([&] { AppendSpanThatFits(span, out, counts); });
        }
      });
    });
  });
}

}  // namespace

OtlpCounts WriteOtlpRequest(absl::Span<const FinishedSpans> finished, std::string* body) {
  body->clear();
  OtlpCounts counts;
  const auto ended = [](const FinishedSpans& spans) { return CountEnded(spans) > 0; };
  if (std::none_of(finished.begin(), finished.end(), ended)) return counts;
  JsonObject request(body);
  request.Raw("resourceSpans", [&] {
    JsonArray array(body);
    for (const FinishedSpans& spans : finished) {
      if (ended(spans)) array.Raw([&] { AppendResourceSpans(spans, body, &counts); });
    }
  });
  return counts;
}

}  // namespace stratus::telemetry
