// Trace headers come from anyone: whatever they hold, the headers made of them must be well formed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lib/telemetry/trace_context.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view first = text.substr(0, text.find('\n'));
  const std::string_view second = text.substr(std::min(text.size(), first.size() + 1));
  using stratus::telemetry::ContinueTrace;
  const stratus::telemetry::TraceContext trace = ContinueTrace(first, second);
  const std::string header = trace.XAmznTraceId();
  if (header.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) std::abort();
  // The next hop reads what we write.
  if (ContinueTrace(trace.Traceparent(), "").trace_id() != trace.trace_id()) std::abort();
  const stratus::telemetry::TraceContext next = ContinueTrace("", header);
  if (next.trace_id() != trace.trace_id() || next.parent_id() != trace.span_id()) std::abort();
  return 0;
}
