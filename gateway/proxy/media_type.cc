#include "gateway/proxy/media_type.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

std::string_view Trim(std::string_view text) { return core::ToStd(absl::StripAsciiWhitespace(core::ToAbsl(text))); }

bool Equals(std::string_view a, std::string_view b) { return absl::EqualsIgnoreCase(core::ToAbsl(a), core::ToAbsl(b)); }

// Cuts off and returns what stands before `separator`.
std::string_view Cut(std::string_view* text, char separator) {
  const size_t at = text->find(separator);
  const std::string_view head = text->substr(0, at);
  *text = at == std::string_view::npos ? std::string_view() : text->substr(at + 1);
  return Trim(head);
}

// A media range's q parameter: 1 when absent, 0 when malformed.
double QualityOf(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view parameter = Cut(&parameters, ';');
    const std::string_view name = Cut(&parameter, '=');
    if (!Equals(name, "q")) continue;
    double quality = 0;
    return absl::SimpleAtod(core::ToAbsl(Trim(parameter)), &quality) && quality >= 0 && quality <= 1 ? quality : 0;
  }
  return 1;
}

struct Range {
  std::string_view name;
  StreamFormat format;
  int specific;  // higher beats lower at the same quality
};
constexpr Range kRanges[] = {
    {"application/x-ndjson", StreamFormat::kNdjson, 2}, {"application/ndjson", StreamFormat::kNdjson, 2},
    {"application/jsonl", StreamFormat::kNdjson, 2},    {"text/event-stream", StreamFormat::kServerSent, 2},
    {"application/json", StreamFormat::kArray, 2},      {"text/*", StreamFormat::kServerSent, 1},
    {"application/*", StreamFormat::kArray, 1},         {"*/*", StreamFormat::kArray, 0},
};

}  // namespace

bool IsJson(std::string_view content_type) {
  const std::string_view type = Cut(&content_type, ';');
  if (Equals(type, "application/json")) return true;
  return absl::StartsWithIgnoreCase(core::ToAbsl(type), "application/") &&
         absl::EndsWithIgnoreCase(core::ToAbsl(type), "+json");
}

bool IsNdjson(std::string_view content_type) {
  const std::string_view type = Cut(&content_type, ';');
  return Equals(type, "application/x-ndjson") || Equals(type, "application/ndjson") ||
         Equals(type, "application/jsonl");
}

StreamFormat ChooseStreamFormat(std::string_view accept) {
  StreamFormat best = StreamFormat::kArray;
  double best_quality = 0;
  int best_specific = -1;
  while (!accept.empty()) {
    std::string_view entry = Cut(&accept, ',');
    const std::string_view type = Cut(&entry, ';');
    const double quality = QualityOf(entry);
    for (const Range& range : kRanges) {
      if (quality <= 0 || !Equals(range.name, type)) continue;
      if (quality < best_quality || (quality == best_quality && range.specific <= best_specific)) continue;
      best = range.format;
      best_quality = quality;
      best_specific = range.specific;
    }
  }
  return best;
}

std::string_view ContentTypeOf(StreamFormat format) {
  switch (format) {
    case StreamFormat::kNdjson: return "application/x-ndjson";
    case StreamFormat::kServerSent: return "text/event-stream";
    case StreamFormat::kArray: break;
  }
  return "application/json";
}

}  // namespace stratus::gateway::proxy
