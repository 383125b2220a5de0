// Where a call stands in a trace, as it travels between hops: W3C `traceparent` or AWS `X-Amzn-Trace-Id`. A 32-digit
// trace id and an X-Ray id (`1-8hex-24hex`) are the same digits, so one form serves both.
//
//   TraceContext trace = telemetry::ContinueTrace(traceparent, x_amzn_trace_id);  // empty strings: a new trace
//   outgoing.Add("traceparent", trace.Traceparent());
#pragma once

#include <string>
#include <string_view>

#include "lib/telemetry/trace_ids.h"

namespace stratus::telemetry {

// What the callers before this hop decided about sampling. kUndecided leaves it to this hop.
enum class Sampling { kUndecided, kSampled, kNotSampled };

class TraceContext {
 public:
  // 32 lower-case hex digits, never all zero.
  std::string_view trace_id() const { return {trace_id_.data(), trace_id_.size()}; }
  // This hop's own span: 16 lower-case hex digits, never all zero.
  std::string_view span_id() const { return {span_id_.data(), span_id_.size()}; }
  const TraceIdDigits& trace_digits() const { return trace_id_; }
  const SpanIdDigits& span_digits() const { return span_id_; }
  // Null where this hop starts the trace.
  const SpanIdDigits* parent_digits() const { return has_parent_ ? &parent_id_ : nullptr; }
  // The caller's span, or empty where this hop starts the trace.
  std::string_view parent_id() const {
    return has_parent_ ? std::string_view(parent_id_.data(), parent_id_.size()) : std::string_view();
  }
  Sampling sampling() const { return sampling_; }
  void set_sampling(Sampling sampling) { sampling_ = sampling; }

  // The same trace, seen from another span of this hop: what is called from within that span gets its headers.
  void set_span_id(const SpanIdDigits& id) { span_id_ = id; }

  // Headers for the next hop, whose parent is this hop's span.
  std::string Traceparent() const;
  // `Root=1-...;Parent=...;Sampled=1`, then the keys of the inbound header that this code does not know
  // (`Lineage=...`).
  std::string XAmznTraceId() const;
  // `1-8hex-24hex`
  std::string XRayTraceId() const;

  // The same, appended: no allocation where `out` has room.
  void AppendTraceparent(std::string* out) const;
  void AppendXAmznTraceId(std::string* out) const;
  void AppendXRayTraceId(std::string* out) const;

 private:
  friend TraceContext ContinueTrace(std::string_view traceparent, std::string_view x_amzn_trace_id);

  TraceIdDigits trace_id_{};
  SpanIdDigits span_id_{};
  SpanIdDigits parent_id_{};
  bool has_parent_ = false;
  Sampling sampling_ = Sampling::kUndecided;
  std::string unknown_keys_;  // `Lineage=a;Other=b`, bounded; empty almost always
};

// Continues the trace of the inbound headers (either may be empty) with a new span id, or starts one. A malformed
// header counts as absent, never as an error. With both, X-Amzn-Trace-Id wins where it names a parent: a load balancer
// adds one without a parent to requests that carry only traceparent, and then traceparent wins. Allocates nothing but
// for unknown keys.
TraceContext ContinueTrace(std::string_view traceparent, std::string_view x_amzn_trace_id);

}  // namespace stratus::telemetry
