// Spans as business code uses them.
//
//   telemetry::Span span = telemetry::CurrentSpan().StartChild("plan", SpanKind::kInternal);
//   span.Annotate("module", module);
//   ...
//   span.SetStatus(status);     // ends with the Span, or with End()
//
// A call that is not sampled has spans that record nothing: every method of theirs returns at once, and nothing is
// allocated. Spans that record are safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "lib/telemetry/span_record.h"
#include "lib/telemetry/trace_context.h"

namespace stratus::telemetry {

class Span;
class SpanState;

// A span that someone else ends.
class SpanRef {
 public:
  SpanRef() = default;  // records nothing

  bool recording() const { return state_ != nullptr; }

  // A part of this span. It may begin and end after this one has ended.
  Span StartChild(std::string_view name, SpanKind kind) const;

  // For filters: keys of [A-Za-z0-9_], at most 50 a segment in all. What is over a limit, or comes after the end, is
  // left out.
  void Annotate(std::string_view key, std::string_view value) const;
  void Annotate(std::string_view key, const char* value) const { Annotate(key, std::string_view(value)); }
  void Annotate(std::string_view key, int64_t value) const;
  void Annotate(std::string_view key, double value) const;
  void Annotate(std::string_view key, bool value) const;
  // Text to be read beside the span.
  void AddMetadata(std::string_view key, std::string_view value) const;

  // `url` is kept without its query, fragment and user info.
  void SetHttpRequest(std::string_view method, std::string_view url) const;
  void SetHttpPeer(std::string_view client_ip, bool forwarded, std::string_view user_agent) const;
  // The outcome follows the status: 429 throttle, other 4xx error, 5xx fault.
  void SetHttpResponse(int status, int64_t content_length) const;
  // The other side continues the trace.
  void SetTraced() const;
  // `operation`: a statement or its name, without values.
  void SetDatabase(std::string_view type, std::string_view operation) const;
  // The outcome follows the code (OutcomeOf), and an error's message becomes an exception.
  void SetStatus(const absl::Status& status) const;
  void AddException(std::string_view type, std::string_view message) const;
  void SetOutcome(SpanOutcome outcome) const;

  // Its id as digits; zeros when it records nothing.
  SpanIdDigits id() const;

  // Sends what is known by now, marked as in progress: for spans of minutes, segments alone.
  void Announce() const;

 protected:
  explicit SpanRef(std::shared_ptr<SpanState> state) : state_(std::move(state)) {}
  std::shared_ptr<SpanState> state_;

 private:
  friend class Tracer;
};

// The one that ends it: by End() or by its own end.
class Span : public SpanRef {
 public:
  Span() = default;
  Span(Span&&) = default;
  Span& operator=(Span&& other) noexcept {
    if (this != &other) {
      End();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~Span() { End(); }

  void End() {
    if (state_ != nullptr) EndRecording();
  }

 private:
  friend class SpanRef;
  friend class Tracer;
  explicit Span(std::shared_ptr<SpanState> state) : SpanRef(std::move(state)) {}
  void EndRecording();
};

// By gRPC's code: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS are faults,
// RESOURCE_EXHAUSTED a throttle, other failures errors.
SpanOutcome OutcomeOf(absl::StatusCode code);
SpanOutcome OutcomeOfHttp(int status);

// The span of the call that this thread works on; one that records nothing when there is none. A callback that comes
// on another thread has to carry it over: take CurrentSpan() first, and open a ScopedSpan in the callback.
SpanRef CurrentSpan();

class ScopedSpan {
 public:
  // `span` outlives the scope.
  explicit ScopedSpan(const SpanRef& span);
  ~ScopedSpan();
  ScopedSpan(const ScopedSpan&) = delete;
  ScopedSpan& operator=(const ScopedSpan&) = delete;

 private:
  const SpanRef* const before_;
};

}  // namespace stratus::telemetry
