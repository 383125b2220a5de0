// Where segments begin: one Tracer a service.
//
//   telemetry::TraceContext trace = telemetry::ContinueTrace(traceparent, x_amzn_trace_id);
//   telemetry::Span span = tracer.StartSegment(&trace, {.url_path = path, .http_method = "GET"});
//
// The caller's decision about sampling stands; where it left the question open the sampler answers, and `trace` then
// carries the answer to the next hop.
#pragma once

#include <memory>
#include <string_view>

#include "lib/core/clock.h"
#include "lib/telemetry/span.h"
#include "lib/telemetry/trace_context.h"

namespace stratus::telemetry {

// What rules look at. Views live for the call alone.
struct SamplingRequest {
  std::string_view service_name = {};  // set by the Tracer
  std::string_view service_type = {};  // the origin; set by the Tracer
  std::string_view host = {};
  std::string_view http_method = {};
  std::string_view url_path = {};
};

// Safe from any thread; must not block.
class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual bool Sample(const SamplingRequest& request) = 0;
};

class Tracer {
 public:
  // `sampler` and `sink` outlive the tracer and every span; so does `clock`.
  Tracer(std::shared_ptr<const Resource> resource, Sampler* sampler, SpanSink* sink,
         const core::Clock* clock = &core::Clock::Real());

  // The span of `trace`: its own id, its parent. Records nothing when the trace is not sampled.
  Span StartSegment(TraceContext* trace, SamplingRequest request) const;

  // A segment of a trace whose call may be long over, such as the run that a call has asked for. Recorded always: who
  // has the ids knows that the trace is sampled. Invalid digits: a span that records nothing.
  Span ResumeSegment(std::string_view trace_id, std::string_view parent_id, std::string_view name) const;

  const Resource& resource() const { return *resource_; }

 private:
  const std::shared_ptr<const Resource> resource_;
  Sampler* const sampler_;
  SpanSink* const sink_;
  const core::Clock* const clock_;
};

}  // namespace stratus::telemetry
