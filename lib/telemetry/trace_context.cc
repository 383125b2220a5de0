#include "lib/telemetry/trace_context.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace stratus::telemetry {
namespace {

// A longer header is not looked at: no sender makes one.
constexpr size_t kHeaderBytesMax = 512;
constexpr size_t kUnknownKeysMax = 4;
// Of unknown keys with their values; the header that carries them on, 80 bytes of ours, is one that is looked at.
constexpr size_t kUnknownBytesMax = 400;

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// An id of all zeros is invalid by the W3C's rule, and X-Ray makes none.
bool IsId(std::string_view text) { return IsLowerHex(text) && text.find_first_not_of('0') != std::string_view::npos; }

// AWS writes lower case and reads either.
template <size_t kSize>
bool ReadId(std::string_view text, std::array<char, kSize>* id) {
  if (text.size() != kSize) return false;
  std::transform(text.begin(), text.end(), id->begin(),
                 [](char c) { return absl::ascii_tolower(static_cast<unsigned char>(c)); });
  return IsId({id->data(), id->size()});
}

std::string_view Strip(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

struct Inbound {
  TraceIdDigits trace_id;
  SpanIdDigits parent_id;
  bool has_trace = false;
  bool has_parent = false;
  Sampling sampling = Sampling::kUndecided;
  std::string unknown_keys;
};

// https://www.w3.org/TR/trace-context/#traceparent-header: version 00 exactly, a later one by its known prefix.
bool ParseTraceparent(std::string_view text, Inbound* inbound) {
  if (text.size() < 55 || text.size() > kHeaderBytesMax) return false;
  const std::string_view version = text.substr(0, 2);
  if (!IsLowerHex(version) || version == "ff" || (version == "00" && text.size() != 55)) return false;
  if (text.size() > 55 && text[55] != '-') return false;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view trace_id = text.substr(3, 32), parent_id = text.substr(36, 16), flags = text.substr(53, 2);
  if (!IsId(trace_id) || !IsId(parent_id) || !IsLowerHex(flags)) return false;
  std::copy(trace_id.begin(), trace_id.end(), inbound->trace_id.begin());
  std::copy(parent_id.begin(), parent_id.end(), inbound->parent_id.begin());
  inbound->has_trace = inbound->has_parent = true;
  const int low = flags[1] <= '9' ? flags[1] - '0' : flags[1] - 'a' + 10;
  inbound->sampling = (low & 1) ? Sampling::kSampled : Sampling::kNotSampled;
  return true;
}

// `1-8hex-24hex` to 32 digits; false for another form.
bool ParseRoot(std::string_view root, TraceIdDigits* trace_id) {
  if (root.size() != 35 || root.substr(0, 2) != "1-" || root[10] != '-') return false;
  char digits[32];
  std::copy_n(root.data() + 2, 8, digits);
  std::copy_n(root.data() + 11, 24, digits + 8);
  return ReadId({digits, sizeof(digits)}, trace_id);
}

bool IsHeaderText(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

void KeepUnknown(std::string_view key, std::string_view value, Inbound* inbound) {
  if (inbound->unknown_keys.size() + key.size() + value.size() + 2 > kUnknownBytesMax) return;
  if (!inbound->unknown_keys.empty()) inbound->unknown_keys += ';';
  inbound->unknown_keys += key;
  inbound->unknown_keys += '=';
  inbound->unknown_keys += value;
}

// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
bool ParseXAmznTraceId(std::string_view text, Inbound* inbound) {
  if (text.empty() || text.size() > kHeaderBytesMax) return false;
  size_t unknown_keys = 0;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const size_t equals = part.find('=');
    const std::string_view key = Strip(part.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : Strip(part.substr(equals + 1));
    if (key == "Root") {
      if (!ParseRoot(value, &inbound->trace_id)) return false;
      inbound->has_trace = true;
    } else if (key == "Parent") {
      if (!ReadId(value, &inbound->parent_id)) return false;
      inbound->has_parent = true;
    } else if (key == "Sampled") {
      if (value == "1") inbound->sampling = Sampling::kSampled;
      if (value == "0") inbound->sampling = Sampling::kNotSampled;
    } else if (key != "Self" && IsHeaderText(key) && IsHeaderText(value) && ++unknown_keys <= kUnknownKeysMax) {
      KeepUnknown(key, value, inbound);
    }
  }
  return inbound->has_trace;
}

}  // namespace

TraceContext ContinueTrace(std::string_view traceparent, std::string_view x_amzn_trace_id) {
  Inbound w3c, aws;
  const bool from_aws = ParseXAmznTraceId(x_amzn_trace_id, &aws);
  const bool from_w3c = !(from_aws && aws.has_parent) && ParseTraceparent(traceparent, &w3c);
  Inbound* const inbound = from_w3c ? &w3c : from_aws ? &aws : nullptr;
  TraceContext trace;
  trace.span_id_ = NewSpanId();
  if (inbound == nullptr) {
    trace.trace_id_ = NewTraceId();
    return trace;
  }
  trace.trace_id_ = inbound->trace_id;
  trace.has_parent_ = inbound->has_parent;
  if (inbound->has_parent) trace.parent_id_ = inbound->parent_id;
  trace.sampling_ = inbound->sampling;
  trace.unknown_keys_ = std::move(inbound->unknown_keys);
  return trace;
}

void TraceContext::AppendTraceparent(std::string* out) const {
  out->append("00-").append(trace_id()).append("-").append(span_id());
  out->append(sampling_ == Sampling::kSampled ? "-01" : "-00");
}

void TraceContext::AppendXRayTraceId(std::string* out) const {
  out->append("1-").append(trace_id().substr(0, 8)).append("-").append(trace_id().substr(8));
}

void TraceContext::AppendXAmznTraceId(std::string* out) const {
  out->append("Root=");
  AppendXRayTraceId(out);
  out->append(";Parent=").append(span_id());
  if (sampling_ != Sampling::kUndecided) out->append(sampling_ == Sampling::kSampled ? ";Sampled=1" : ";Sampled=0");
  if (!unknown_keys_.empty()) out->append(";").append(unknown_keys_);
}

std::string TraceContext::Traceparent() const {
  std::string text;
  AppendTraceparent(&text);
  return text;
}

std::string TraceContext::XRayTraceId() const {
  std::string text;
  AppendXRayTraceId(&text);
  return text;
}

std::string TraceContext::XAmznTraceId() const {
  std::string text;
  AppendXAmznTraceId(&text);
  return text;
}

}  // namespace stratus::telemetry
