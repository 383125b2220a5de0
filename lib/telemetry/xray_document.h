// Finished spans as X-Ray segment documents.
// https://docs.aws.amazon.com/xray/latest/devguide/aws-xray-interface-api.html#xray-api-segmentdocuments
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "lib/telemetry/span_record.h"

namespace stratus::telemetry {

struct DocumentCounts {
  int written = 0;
  int truncated = 0;  // of those written: they lack metadata, then messages, then annotations
  int too_large = 0;  // not written: over the limit even so
};

// Hears of each document, and of how many spans it holds.
using EmitDocument = absl::FunctionRef<void(std::string_view document, size_t spans)>;

// Writes compact JSON documents of at most `bytes_max` each; a view lives until `emit` returns. As a rule that is one
// document, the subsegments inside their segment. Where that is too large the subsegments go as documents of their own,
// and a span that is too large by itself is truncated.
DocumentCounts WriteXRayDocuments(const FinishedSpans& finished, size_t bytes_max, EmitDocument emit);

// The same for a thread that writes many: it keeps its memory, and what documents of one resource have in common.
class XRayDocumentWriter {
 public:
  XRayDocumentWriter();
  ~XRayDocumentWriter();

  DocumentCounts Write(const FinishedSpans& finished, size_t bytes_max, EmitDocument emit);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

// A name with what X-Ray takes alone: letters, digits, whitespace and _.:/%&#=+\-@ (others become `_`), at most 200
// bytes, and never empty.
std::string XRayName(std::string_view name);

}  // namespace stratus::telemetry
