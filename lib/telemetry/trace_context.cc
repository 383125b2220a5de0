#include "lib/telemetry/trace_context.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "lib/core/random.h"
#include "lib/core/status.h"

namespace stratus::telemetry {
namespace {

// A longer header is not looked at: no sender makes one.
constexpr size_t kHeaderBytesMax = 512;
constexpr size_t kUnknownKeysMax = 4;

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// An id of all zeros is invalid by the W3C's rule, and X-Ray makes none.
bool IsId(std::string_view text, size_t digits) {
  return text.size() == digits && IsLowerHex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

template <size_t kSize>
void Copy(std::string_view digits, std::array<char, kSize>* to) {
  std::copy_n(digits.data(), kSize, to->data());
}

struct Inbound {
  std::string trace_id;
  std::string parent_id;  // may be empty
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
  if (!IsId(trace_id, 32) || !IsId(parent_id, 16) || !IsLowerHex(flags)) return false;
  inbound->trace_id = trace_id;
  inbound->parent_id = parent_id;
  const int low = flags[1] <= '9' ? flags[1] - '0' : flags[1] - 'a' + 10;
  inbound->sampling = (low & 1) ? Sampling::kSampled : Sampling::kNotSampled;
  return true;
}

// `1-8hex-24hex` to 32 digits; false for another form.
bool ParseRoot(std::string_view root, std::string* trace_id) {
  if (root.size() != 35 || root.substr(0, 2) != "1-" || root[10] != '-') return false;
  std::string digits =
      absl::AsciiStrToLower(absl::StrCat(core::ToAbsl(root.substr(2, 8)), core::ToAbsl(root.substr(11))));
  if (!IsId(digits, 32)) return false;
  *trace_id = std::move(digits);
  return true;
}

bool IsHeaderText(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
bool ParseXAmznTraceId(std::string_view text, Inbound* inbound) {
  if (text.empty() || text.size() > kHeaderBytesMax) return false;
  size_t unknown_keys = 0;
  for (absl::string_view part : absl::StrSplit(core::ToAbsl(text), ';')) {
    const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    const absl::string_view key = absl::StripAsciiWhitespace(pair.first);
    const absl::string_view value = absl::StripAsciiWhitespace(pair.second);
    if (key == "Root") {
      if (!ParseRoot(core::ToStd(value), &inbound->trace_id)) return false;
    } else if (key == "Parent") {
      const std::string parent = absl::AsciiStrToLower(value);
      if (!IsId(parent, 16)) return false;
      inbound->parent_id = parent;
    } else if (key == "Sampled") {
      if (value == "1") inbound->sampling = Sampling::kSampled;
      if (value == "0") inbound->sampling = Sampling::kNotSampled;
    } else if (key != "Self" && IsHeaderText(key) && IsHeaderText(value) && ++unknown_keys <= kUnknownKeysMax) {
      absl::StrAppend(&inbound->unknown_keys, inbound->unknown_keys.empty() ? "" : ";", key, "=", value);
    }
  }
  return !inbound->trace_id.empty();
}

// X-Ray wants the first eight digits to be the time: it drops a segment whose trace id is a month old.
std::string NewTraceId() {
  return absl::StrCat(absl::Hex(absl::ToUnixSeconds(absl::Now()), absl::kZeroPad8), core::RandomHex(12));
}

}  // namespace

TraceContext ContinueTrace(std::string_view traceparent, std::string_view x_amzn_trace_id) {
  Inbound inbound, aws;
  const bool from_aws = ParseXAmznTraceId(x_amzn_trace_id, &aws);
  if (from_aws && !aws.parent_id.empty()) {
    inbound = std::move(aws);
  } else if (!ParseTraceparent(traceparent, &inbound)) {
    inbound = from_aws ? std::move(aws) : Inbound();
  }
  if (inbound.trace_id.empty()) inbound.trace_id = NewTraceId();
  TraceContext trace;
  Copy(inbound.trace_id, &trace.trace_id_);
  Copy(core::RandomHex(8), &trace.span_id_);
  if (!inbound.parent_id.empty()) {
    Copy(inbound.parent_id, &trace.parent_id_);
    trace.has_parent_ = true;
  }
  trace.sampling_ = inbound.sampling;
  trace.unknown_keys_ = std::move(inbound.unknown_keys);
  return trace;
}

std::string TraceContext::Traceparent() const {
  return absl::StrCat("00-", core::ToAbsl(trace_id()), "-", core::ToAbsl(span_id()),
                      sampling_ == Sampling::kSampled ? "-01" : "-00");
}

std::string TraceContext::XRayTraceId() const {
  return absl::StrCat("1-", core::ToAbsl(trace_id().substr(0, 8)), "-", core::ToAbsl(trace_id().substr(8)));
}

std::string TraceContext::XAmznTraceId() const {
  std::string header = absl::StrCat("Root=", XRayTraceId(), ";Parent=", core::ToAbsl(span_id()));
  if (sampling_ != Sampling::kUndecided) {
    absl::StrAppend(&header, ";Sampled=", sampling_ == Sampling::kSampled ? "1" : "0");
  }
  if (!unknown_keys_.empty()) absl::StrAppend(&header, ";", unknown_keys_);
  return header;
}

}  // namespace stratus::telemetry
