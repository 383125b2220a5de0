#include "lib/telemetry/tracer.h"

#include <algorithm>
#include <utility>

#include "lib/telemetry/span_state.h"

namespace stratus::telemetry {
namespace {

template <size_t kSize>
bool CopyDigits(std::string_view digits, std::array<char, kSize>* out) {
  const bool hex = std::all_of(digits.begin(), digits.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (digits.size() != kSize || !hex || digits.find_first_not_of('0') == std::string_view::npos) return false;
  std::copy(digits.begin(), digits.end(), out->begin());
  return true;
}

}  // namespace

Tracer::Tracer(std::shared_ptr<const Resource> resource, Sampler* sampler, SpanSink* sink, const core::Clock* clock)
    : resource_(std::move(resource)), sampler_(sampler), sink_(sink), clock_(clock) {}

Span Tracer::StartSegment(TraceContext* trace, SamplingRequest request) const {
  if (trace->sampling() == Sampling::kUndecided) {
    request.service_name = resource_->service_name;
    request.service_type = resource_->origin;
    trace->set_sampling(sampler_->Sample(request) ? Sampling::kSampled : Sampling::kNotSampled);
  }
  if (trace->sampling() != Sampling::kSampled) return Span();
  const SpanIdentity identity = {trace->trace_digits(), trace->span_digits(), trace->parent_digits()};
  return Span(std::make_shared<SpanState>(std::make_shared<SegmentState>(resource_, sink_, clock_), SpanKind::kServer,
                                          identity, resource_->service_name));
}

Span Tracer::ResumeSegment(std::string_view trace_id, std::string_view parent_id, std::string_view name) const {
  TraceIdDigits trace;
  SpanIdDigits parent;
  if (!CopyDigits(trace_id, &trace)) return Span();
  const SpanIdentity identity = {trace, NewSpanId(), CopyDigits(parent_id, &parent) ? &parent : nullptr};
  return Span(std::make_shared<SpanState>(std::make_shared<SegmentState>(resource_, sink_, clock_), SpanKind::kServer,
                                          identity, std::string(name)));
}

}  // namespace stratus::telemetry
