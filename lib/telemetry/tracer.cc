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
  SpanRecord record;
  record.kind = SpanKind::kServer;
  record.name = resource_->service_name;
  CopyDigits(trace->trace_id(), &record.trace_id);
  CopyDigits(trace->span_id(), &record.id);
  record.has_parent = CopyDigits(trace->parent_id(), &record.parent_id);
  auto segment = std::make_shared<SegmentState>(resource_, sink_, clock_);
  return Span(std::make_shared<SpanState>(std::move(segment), std::move(record)));
}

Span Tracer::ResumeSegment(std::string_view trace_id, std::string_view parent_id, std::string_view name) const {
  SpanRecord record;
  record.kind = SpanKind::kServer;
  record.name = name;
  record.id = NewSpanId();
  record.has_parent = CopyDigits(parent_id, &record.parent_id);
  if (!CopyDigits(trace_id, &record.trace_id)) return Span();
  auto segment = std::make_shared<SegmentState>(resource_, sink_, clock_);
  return Span(std::make_shared<SpanState>(std::move(segment), std::move(record)));
}

}  // namespace stratus::telemetry
