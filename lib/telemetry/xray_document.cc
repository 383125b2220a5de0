#include "lib/telemetry/xray_document.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "lib/telemetry/json_writer.h"

namespace stratus::telemetry {
namespace {

constexpr size_t kNameMax = 200;
constexpr size_t kAnnotationsMax = 50;  // a document, its subsegments' too
constexpr size_t kShortMessage = 100;

// What is left out of a span that is too large by itself.
enum class Detail { kAll, kNoMetadata, kShortMessages, kNoAnnotations };

enum class Form { kSegment, kSubsegment, kInner };

class DocumentWriter {
 public:
  DocumentWriter(const FinishedSpans& finished, size_t bytes_max, EmitDocument emit)
      : finished_(finished), bytes_max_(bytes_max), emit_(emit), children_(finished.spans.size()) {
    std::map<SpanIdDigits, size_t> places;
    for (size_t i = 0; i < finished.spans.size(); ++i) places.emplace(finished.spans[i].id, i);
    for (size_t i = 0; i < finished.spans.size(); ++i) {
      const SpanRecord& span = finished.spans[i];
      // A segment's parent is another process's, even where that has come here too.
      const bool inner = span.has_parent && span.kind != SpanKind::kServer;
      const auto parent = inner ? places.find(span.parent_id) : places.end();
      if (parent == places.end()) {
        roots_.push_back(i);
      } else {
        children_[parent->second].push_back(i);
      }
    }
  }

  DocumentCounts Run() {
    for (const size_t root : roots_) Write(root);
    return counts_;
  }

 private:
  const SpanRecord& Span(size_t index) const { return finished_.spans[index]; }

  void Write(size_t index) {
    if (Fits(index, Detail::kAll, /*with_children=*/true)) return Emit();
    WriteAlone(index);
    for (const size_t child : children_[index]) Write(child);
  }

  void WriteAlone(size_t index) {
    for (const Detail detail : {Detail::kAll, Detail::kNoMetadata, Detail::kShortMessages, Detail::kNoAnnotations}) {
      if (!Fits(index, detail, /*with_children=*/false)) continue;
      if (detail != Detail::kAll) ++counts_.truncated;
      return Emit();
    }
    ++counts_.too_large;
  }

  bool Fits(size_t index, Detail detail, bool with_children) {
    text_.clear();
    annotations_ = 0;
    spans_ = 0;
    const Form form = Span(index).kind == SpanKind::kServer ? Form::kSegment : Form::kSubsegment;
    AppendSpan(index, form, detail, with_children);
    return text_.size() <= bytes_max_;
  }

  void Emit() {
    ++counts_.written;
    emit_(text_, spans_);
  }

  void AppendSpan(size_t index, Form form, Detail detail, bool with_children) {
    const SpanRecord& span = Span(index);
    ++spans_;
    JsonObject object(&text_);
    object.Text("name", XRayName(span.name));
    object.Text("id", span.id_text());
    if (form != Form::kInner) {
      AppendTraceId(span, &object);
      if (span.has_parent) object.Text("parent_id", span.parent_text());
    }
    if (form == Form::kSubsegment) object.Text("type", "subsegment");
    AppendTimes(span, &object);
    if (form == Form::kSegment) AppendResource(&object);
    AppendOutcome(span.outcome, &object);
    AppendCall(span, &object);
    AppendCause(span, detail, &object);
    if (detail < Detail::kNoAnnotations) AppendAnnotations(span, &object);
    if (detail == Detail::kAll) AppendMetadata(span, &object);
    if (!with_children || children_[index].empty()) return;
    object.Raw("subsegments", [&] {
      JsonArray array(&text_);
      for (const size_t child : children_[index]) {
        array.Raw([&] { AppendSpan(child, Form::kInner, detail, true); });
        if (text_.size() > bytes_max_) return;  // it will not fit any more
      }
    });
  }

  static void AppendTraceId(const SpanRecord& span, JsonObject* object) {
    const std::string_view digits = span.trace_id_text();
    std::string id = "1-";
    id.append(digits.substr(0, 8)).append("-").append(digits.substr(8));
    object->Text("trace_id", id);
  }

  static void AppendTimes(const SpanRecord& span, JsonObject* object) {
    object->Micros("start_time", absl::ToUnixMicros(span.start));
    if (span.in_progress) {
      object->Bool("in_progress", true);
    } else {
      object->Micros("end_time", absl::ToUnixMicros(span.start + span.duration));
    }
  }

  void AppendResource(JsonObject* object) {
    const Resource& resource = *finished_.resource;
    if (!resource.origin.empty()) object->Text("origin", resource.origin);
    if (!resource.service_version.empty()) {
      object->Raw("service", [&] { JsonObject(&text_).Text("version", resource.service_version); });
    }
    object->Raw("aws", [&] {
      JsonObject aws(&text_);
      std::map<std::string_view, std::vector<std::pair<std::string_view, std::string_view>>> groups;
      groups["xray"] = {{"sdk", "Stratus for C++"}};
      for (const auto& [key, value] : resource.aws) {
        const size_t dot = key.find('.');
        if (dot == std::string::npos) continue;
        groups[std::string_view(key).substr(0, dot)].emplace_back(std::string_view(key).substr(dot + 1), value);
      }
      for (const auto& [group, fields] : groups) {
        aws.Raw(group, [&, &members = fields] {
          JsonObject inner(&text_);
          for (const auto& [name, value] : members) inner.Text(name, value);
        });
      }
    });
  }

  static void AppendOutcome(SpanOutcome outcome, JsonObject* object) {
    if (outcome == SpanOutcome::kFault) object->Bool("fault", true);
    if (outcome == SpanOutcome::kError || outcome == SpanOutcome::kThrottle) object->Bool("error", true);
    if (outcome == SpanOutcome::kThrottle) object->Bool("throttle", true);
  }

  void AppendCall(const SpanRecord& span, JsonObject* object) {
    if (span.kind == SpanKind::kClient || span.kind == SpanKind::kDatabase) object->Text("namespace", "remote");
    if (!span.database.type.empty()) {
      object->Raw("sql", [&] {
        JsonObject sql(&text_);
        sql.Text("database_type", span.database.type);
        if (!span.database.operation.empty()) sql.Text("sanitized_query", span.database.operation);
      });
    }
    const HttpFields& http = span.http;
    if (http.method.empty() && http.status == 0) return;
    object->Raw("http", [&] {
      JsonObject block(&text_);
      if (!http.method.empty()) block.Raw("request", [&] { AppendRequest(span); });
      if (http.status == 0) return;
      block.Raw("response", [&] {
        JsonObject response(&text_);
        response.Integer("status", http.status);
        if (http.content_length >= 0) response.Integer("content_length", http.content_length);
      });
    });
  }

  void AppendRequest(const SpanRecord& span) {
    const HttpFields& http = span.http;
    JsonObject request(&text_);
    request.Text("method", http.method);
    request.Text("url", http.url);
    if (!http.user_agent.empty()) request.Text("user_agent", http.user_agent);
    if (!http.client_ip.empty()) request.Text("client_ip", http.client_ip);
    if (http.x_forwarded_for) request.Bool("x_forwarded_for", true);
    if (http.traced && span.kind != SpanKind::kServer) request.Bool("traced", true);
  }

  void AppendCause(const SpanRecord& span, Detail detail, JsonObject* object) {
    if (span.exceptions.empty()) return;
    object->Raw("cause", [&] {
      JsonObject cause(&text_);
      cause.Raw("exceptions", [&] {
        JsonArray array(&text_);
        for (const SpanException& exception : span.exceptions) {
          array.Raw([&] { AppendException(exception, detail); });
        }
      });
    });
  }

  void AppendException(const SpanException& exception, Detail detail) {
    const SpanIdDigits id = NewSpanId();
    JsonObject object(&text_);
    object.Text("id", {id.data(), id.size()});
    object.Text("type", exception.type);
    const std::string_view message = exception.message;
    object.Text("message", detail >= Detail::kShortMessages ? message.substr(0, kShortMessage) : message);
    if (exception.remote) object.Bool("remote", true);
  }

  void AppendAnnotations(const SpanRecord& span, JsonObject* object) {
    if (span.annotations.empty() || annotations_ >= kAnnotationsMax) return;
    object->Raw("annotations", [&] {
      JsonObject annotations(&text_);
      for (const auto& [key, value] : span.annotations) {
        if (annotations_ >= kAnnotationsMax) return;
        ++annotations_;
        AppendAnnotation(key, value, &annotations);
      }
    });
  }

  static void AppendAnnotation(std::string_view key, const AnnotationValue& value, JsonObject* object) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      object->Text(key, *text);
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
      object->Integer(key, *integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      object->Number(key, *number);
    } else {
      object->Bool(key, std::get<bool>(value));
    }
  }

  void AppendMetadata(const SpanRecord& span, JsonObject* object) {
    if (span.metadata.empty()) return;
    object->Raw("metadata", [&] {
      JsonObject spaces(&text_);
      spaces.Raw("stratus", [&] {
        JsonObject metadata(&text_);
        for (const auto& [key, value] : span.metadata) metadata.Text(key, value);
      });
    });
  }

  const FinishedSpans& finished_;
  const size_t bytes_max_;
  const EmitDocument emit_;
  std::vector<std::vector<size_t>> children_;
  std::vector<size_t> roots_;
  std::string text_;
  size_t annotations_ = 0;  // in text_, as are the spans
  size_t spans_ = 0;
  DocumentCounts counts_;
};

bool IsNameCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || absl::ascii_isalnum(byte) || c == ' ' ||
         std::string_view("_.:/%&#=+\\-@").find(c) != std::string_view::npos;
}

}  // namespace

std::string XRayName(std::string_view name) {
  size_t size = std::min(name.size(), kNameMax);
  while (size > 0 && size < name.size() && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) --size;
  std::string clean(name.substr(0, size));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return !IsNameCharacter(c); }, '_');
  return clean.empty() ? "unknown" : clean;
}

DocumentCounts WriteXRayDocuments(const FinishedSpans& finished, size_t bytes_max, EmitDocument emit) {
  return DocumentWriter(finished, bytes_max, emit).Run();
}

}  // namespace stratus::telemetry
