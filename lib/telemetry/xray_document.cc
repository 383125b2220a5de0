#include "lib/telemetry/xray_document.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "lib/telemetry/json_writer.h"

namespace stratus::telemetry {
namespace {

constexpr size_t kNameMax = 200;
constexpr size_t kAnnotationsMax = 50;  // a document, its subsegments' too
constexpr size_t kShortMessage = 100;

// What is left out of a span that is too large by itself.
enum class Detail { kAll, kNoMetadata, kShortMessages, kNoAnnotations };

enum class Form { kSegment, kSubsegment, kInner };

constexpr std::array<bool, 256> NameCharacters() {
  std::array<bool, 256> may{};
  for (size_t c = 0; c < may.size(); ++c) {
    may[c] = c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }
  for (const char c : std::string_view(" _.:/%&#=+\\-@")) may[static_cast<unsigned char>(c)] = true;
  return may;
}
constexpr std::array<bool, 256> kNameCharacters = NameCharacters();

bool IsNameCharacter(char c) { return kNameCharacters[static_cast<unsigned char>(c)]; }

// The members `origin`, `service` and `aws` of a segment.
std::string ResourceMembers(const Resource& resource) {
  std::string text;
  {
    JsonObject object(&text);
    if (!resource.origin.empty()) object.Text("origin", resource.origin);
    if (!resource.service_version.empty()) {
      object.Raw("service", [&] { JsonObject(&text).Text("version", resource.service_version); });
    }
    object.Raw("aws", [&] {
      JsonObject aws(&text);
      std::map<std::string_view, std::vector<std::pair<std::string_view, std::string_view>>> groups;
      groups["xray"] = {{"sdk", "Stratus for C++"}};
      for (const auto& [key, value] : resource.aws) {
        const size_t dot = key.find('.');
        if (dot == std::string::npos) continue;
        groups[std::string_view(key).substr(0, dot)].emplace_back(std::string_view(key).substr(dot + 1), value);
      }
      for (const auto& [group, fields] : groups) {
        aws.Raw(group, [&, &members = fields] {
          JsonObject inner(&text);
          for (const auto& [name, value] : members) inner.Text(name, value);
        });
      }
    });
  }
  return text.substr(1, text.size() - 2);
}

}  // namespace

class XRayDocumentWriter::Impl {
 public:
  DocumentCounts Run(const FinishedSpans& finished, size_t bytes_max, EmitDocument emit) {
    finished_ = &finished;
    emit_ = &emit;
    bytes_max_ = bytes_max;
    counts_ = {};
    if (resource_ != finished.resource) {
      resource_ = finished.resource;
      resource_members_ = ResourceMembers(*resource_);
    }
    Link();
    for (size_t root = first_root_; root != kNone; root = links_[root].next) Write(root);
    return counts_;
  }

 private:
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();
  // A span's place in the tree.
  struct Links {
    size_t first_child = kNone;
    size_t next = kNone;  // of the same parent, or the next root
  };

  // Finds out which span stands in which.
  void Link() {
    const std::vector<SpanRecord>& spans = finished_->spans;
    places_.clear();
    for (size_t i = 0; i < spans.size(); ++i) places_.emplace_back(spans[i].id, i);
    std::sort(places_.begin(), places_.end());
    links_.assign(spans.size(), {});
    first_root_ = kNone;
    for (size_t i = spans.size(); i-- > 0;) {
      size_t& first = FirstBeside(spans[i]);
      links_[i].next = first;
      first = i;
    }
  }

  // Where the list begins that the span belongs to.
  size_t& FirstBeside(const SpanRecord& span) {
    // A segment's parent is another process's, even where that has come here too.
    if (!span.has_parent || span.kind == SpanKind::kServer) return first_root_;
    const auto place = std::lower_bound(places_.begin(), places_.end(), std::pair(span.parent_id, size_t{0}));
    const bool here = place != places_.end() && place->first == span.parent_id;
    return here ? links_[place->second].first_child : first_root_;
  }

  const SpanRecord& Span(size_t index) const { return finished_->spans[index]; }

  void Write(size_t index) {
    if (Fits(index, Detail::kAll, /*with_children=*/true)) return Emit();
    WriteAlone(index);
    for (size_t child = links_[index].first_child; child != kNone; child = links_[child].next) Write(child);
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
    (*emit_)(text_, spans_);
  }

  void AppendSpan(size_t index, Form form, Detail detail, bool with_children) {
    const SpanRecord& span = Span(index);
    ++spans_;
    JsonObject object(&text_);
    AppendName(span.name, &object);
    object.Text("id", span.id_text());
    if (form != Form::kInner) {
      AppendTraceId(span.trace_id_text(), &object);
      if (span.has_parent) object.Text("parent_id", span.parent_text());
    }
    if (form == Form::kSubsegment) object.Text("type", "subsegment");
    AppendTimes(span, &object);
    if (form == Form::kSegment) object.Members(resource_members_);
    AppendOutcome(span.outcome, &object);
    AppendCall(span, &object);
    AppendCause(span, detail, &object);
    if (detail < Detail::kNoAnnotations) AppendAnnotations(span, &object);
    if (detail == Detail::kAll) AppendMetadata(span, &object);
    if (!with_children || links_[index].first_child == kNone) return;
    object.Raw("subsegments", [&] {
      JsonArray array(&text_);
      for (size_t child = links_[index].first_child; child != kNone; child = links_[child].next) {
        array.Raw([&] { AppendSpan(child, Form::kInner, detail, true); });
        if (text_.size() > bytes_max_) return;  // it will not fit any more
      }
    });
  }

  static void AppendName(std::string_view name, JsonObject* object) {
    const bool clean =
        !name.empty() && name.size() <= kNameMax && std::all_of(name.begin(), name.end(), IsNameCharacter);
    object->Text("name", clean ? name : std::string_view(XRayName(name)));
  }

  void AppendTraceId(std::string_view digits, JsonObject* object) {
    object->Raw("trace_id", [&] {
      text_.append("\"1-").append(digits.substr(0, 8)).append("-").append(digits.substr(8)).append("\"");
    });
  }

  static void AppendTimes(const SpanRecord& span, JsonObject* object) {
    object->Micros("start_time", absl::ToUnixMicros(span.start));
    if (span.in_progress) {
      object->Bool("in_progress", true);
    } else {
      object->Micros("end_time", absl::ToUnixMicros(span.start + span.duration));
    }
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

  // Of the spans being written.
  const FinishedSpans* finished_ = nullptr;
  const EmitDocument* emit_ = nullptr;
  size_t bytes_max_ = 0;
  DocumentCounts counts_;
  std::vector<std::pair<SpanIdDigits, size_t>> places_;  // by id
  std::vector<Links> links_;
  size_t first_root_ = kNone;

  std::string text_;
  size_t annotations_ = 0;  // in text_, as are the spans
  size_t spans_ = 0;

  std::shared_ptr<const Resource> resource_;
  std::string resource_members_;  // of resource_
};

XRayDocumentWriter::XRayDocumentWriter() : impl_(std::make_unique<Impl>()) {}
XRayDocumentWriter::~XRayDocumentWriter() = default;

DocumentCounts XRayDocumentWriter::Write(const FinishedSpans& finished, size_t bytes_max, EmitDocument emit) {
  return impl_->Run(finished, bytes_max, emit);
}

std::string XRayName(std::string_view name) {
  size_t size = std::min(name.size(), kNameMax);
  while (size > 0 && size < name.size() && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) --size;
  std::string clean(name.substr(0, size));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return !IsNameCharacter(c); }, '_');
  return clean.empty() ? "unknown" : clean;
}

DocumentCounts WriteXRayDocuments(const FinishedSpans& finished, size_t bytes_max, EmitDocument emit) {
  return XRayDocumentWriter().Write(finished, bytes_max, emit);
}

}  // namespace stratus::telemetry
