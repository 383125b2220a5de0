// What a finished span is made of: what the exporters read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "lib/telemetry/trace_ids.h"

namespace stratus::telemetry {

enum class SpanKind {
  kServer,    // this process's part of a call: a segment
  kClient,    // a call to another service
  kDatabase,  // a query to a database
  kInternal,  // work inside the process
};

// How it ended, in X-Ray's words. kError: the caller's mistake; kFault: ours; kThrottle: too much was asked.
enum class SpanOutcome { kOk, kError, kThrottle, kFault };

struct HttpFields {
  std::string method = {};
  std::string url = {};  // without query and user info: those may hold keys
  std::string user_agent = {};
  std::string client_ip = {};
  bool x_forwarded_for = false;  // client_ip was read from that header and may be forged
  bool traced = false;           // the other side sends a segment of its own
  int status = 0;                // 0: none came
  int64_t content_length = -1;   // of the response; -1: unknown
};

struct DatabaseFields {
  std::string type = {};       // `PostgreSQL`
  std::string operation = {};  // what was asked, without values
};

struct SpanException {
  std::string type = {};
  std::string message = {};
  bool remote = false;  // the other side's
};

using AnnotationValue = std::variant<std::string, int64_t, double, bool>;

struct SpanRecord {
  SpanKind kind = SpanKind::kInternal;
  TraceIdDigits trace_id{};
  SpanIdDigits id{};
  SpanIdDigits parent_id{};
  bool has_parent = false;
  bool in_progress = false;  // a first word of a span that goes on
  std::string name;
  absl::Time start;
  absl::Duration duration;
  SpanOutcome outcome = SpanOutcome::kOk;
  HttpFields http;
  DatabaseFields database;  // of kDatabase
  std::vector<SpanException> exceptions;
  std::vector<std::pair<std::string, AnnotationValue>> annotations;  // for filters
  std::vector<std::pair<std::string, std::string>> metadata;         // to be read alone

  std::string_view trace_id_text() const { return {trace_id.data(), trace_id.size()}; }
  std::string_view id_text() const { return {id.data(), id.size()}; }
  std::string_view parent_text() const {
    return has_parent ? std::string_view(parent_id.data(), parent_id.size()) : std::string_view();
  }
};

// Who the spans are of. Immutable once it is in use.
struct Resource {
  std::string service_name = {};
  std::string service_version;
  std::string origin;  // `AWS::ECS::Container`, ...; empty: none of AWS's
  // The `aws` block: {"ecs": {"container": "..."}} is {"ecs.container", "..."}.
  std::vector<std::pair<std::string, std::string>> aws;
};

// Spans of one trace and one process that go out together: a segment and its parts, or parts alone whose segment goes,
// or has gone, by itself. In no order.
struct FinishedSpans {
  std::shared_ptr<const Resource> resource;
  std::vector<SpanRecord> spans;
};

// Where finished spans go. Called on the threads that serve calls: it must not block.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void Export(FinishedSpans finished) = 0;
};

}  // namespace stratus::telemetry
