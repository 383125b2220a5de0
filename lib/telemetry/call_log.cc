#include "lib/telemetry/call_log.h"

#include <algorithm>
#include <charconv>

#include "lib/core/log.h"
#include "lib/core/redact.h"
#include "lib/core/status.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/span.h"

namespace stratus::telemetry {
namespace {

constexpr size_t kRequestIdBytesMax = 128;
constexpr size_t kHttpMethodBytesMax = 32;
constexpr size_t kPathBytesMax = 200;
// A segment of a path from this length on that has a digit in it may be a key; names of resources are words.
constexpr size_t kKeyBytesMin = 20;

bool IsFailure(const CallLine& line) { return line.code != absl::StatusCode::kOk || line.http_status >= 400; }

core::Severity SeverityOf(const CallLine& line, bool failed) {
  if (!failed) return core::Severity::kInfo;
  // As in the call's segment. Over gRPC the HTTP status is 200, however the call ended.
  const SpanOutcome outcome = line.http_status >= 400 ? OutcomeOfHttp(line.http_status) : OutcomeOf(line.code);
  return outcome == SpanOutcome::kFault ? core::Severity::kError : core::Severity::kWarning;
}

std::string_view NameOf(core::Severity severity) {
  if (severity == core::Severity::kError) return "ERROR";
  return severity == core::Severity::kWarning ? "WARNING" : "INFO";
}

// FNV-1a: the same choice in every program, of any version.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash ^ hash >> 32;
}

void AppendText(std::string* out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out->append(key);
  core::AppendJsonString(out, value);
}

template <typename Number>
void AppendNumber(std::string* out, std::string_view key, Number value) {
  char text[24];
  out->append(key);
  out->append(text, static_cast<size_t>(std::to_chars(text, text + sizeof(text), value).ptr - text));
}

void AppendTwoDigits(std::string* out, int value) {
  out->push_back(static_cast<char>('0' + value / 10 % 10));
  out->push_back(static_cast<char>('0' + value % 10));
}

// RFC 3339 in UTC with milliseconds, without absl's general formatter: this runs once a call.
void AppendTime(std::string* out, absl::Time time) {
  const absl::CivilSecond civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  const auto millis = static_cast<int>((absl::ToUnixMillis(time) % 1000 + 1000) % 1000);
  AppendNumber(out, "{\"time\":\"", static_cast<int64_t>(civil.year()));
  out->push_back('-');
  AppendTwoDigits(out, civil.month());
  out->push_back('-');
  AppendTwoDigits(out, civil.day());
  out->push_back('T');
  AppendTwoDigits(out, civil.hour());
  out->push_back(':');
  AppendTwoDigits(out, civil.minute());
  out->push_back(':');
  AppendTwoDigits(out, civil.second());
  out->push_back('.');
  out->push_back(static_cast<char>('0' + millis / 100));
  AppendTwoDigits(out, millis % 100);
  out->append("Z\"");
}

// Made up by the caller.
void AppendWord(std::string* out, std::string_view key, std::string_view value, size_t bytes_max) {
  if (!core::HoldsSecret(value)) AppendText(out, key, value.substr(0, bytes_max));
}

bool MayBeKey(std::string_view segment) {
  return segment.size() >= kKeyBytesMin &&
         std::any_of(segment.begin(), segment.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Likewise; with `...` for each segment that may be a key.
void AppendPath(std::string* out, std::string_view key, std::string_view path) {
  path = path.substr(0, path.find('?'));
  if (path.empty()) return;
  out->append(key);
  std::string shown;  // on the path of errors alone
  while (!path.empty() && shown.size() < kPathBytesMax) {
    const size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    shown.append(MayBeKey(segment) || core::HoldsSecret(segment) ? "/..." : segment);
    path.remove_prefix(end);
  }
  core::AppendJsonString(out, std::string_view(shown).substr(0, kPathBytesMax));
}

void AppendOutcome(const CallLine& line, std::string* out) {
  if (line.http_status != 0) AppendNumber(out, ",\"status\":", line.http_status);
  AppendText(out, ",\"code\":", core::CodeName(line.code));
  AppendNumber(out, ",\"bytesIn\":", line.bytes_in);
  AppendNumber(out, ",\"bytesOut\":", line.bytes_out);
  // Microseconds as a decimal fraction of milliseconds.
  const int64_t micros = std::max<int64_t>(absl::ToInt64Microseconds(line.duration), 0);
  AppendNumber(out, ",\"ms\":", micros / 1000);
  out->push_back('.');
  out->push_back(static_cast<char>('0' + micros / 100 % 10));
  AppendTwoDigits(out, static_cast<int>(micros % 100));
  AppendText(out, ",\"reason\":", line.reason);
  out->append("}\n");
}

}  // namespace

void AppendCallLine(const CallLine& line, std::string* out) {
  AppendTime(out, line.time);
  AppendText(out, ",\"severity\":", NameOf(SeverityOf(line, IsFailure(line))));
  AppendText(out, ",\"service\":", line.service);
  AppendWord(out, ",\"requestId\":", line.request_id, kRequestIdBytesMax);
  AppendText(out, ",\"traceId\":", line.trace_id);
  AppendText(out, ",\"clientId\":", line.client_id);
  AppendText(out, ",\"peer\":", line.peer);
  AppendText(out, ",\"protocol\":", line.protocol);
  AppendWord(out, ",\"httpMethod\":", line.http_method, kHttpMethodBytesMax);
  AppendPath(out, ",\"path\":", line.path);
  AppendText(out, ",\"route\":", line.route);
  AppendText(out, ",\"method\":", line.method);
  AppendText(out, ",\"upstream\":", line.upstream);
  AppendOutcome(line, out);
}

CallLog::CallLog(CallLogOptions options) : options_(options), writer_(options.fd) {}

bool CallLog::IsWanted(const CallLine& line, bool failed) {
  if (!core::LogEnabled(SeverityOf(line, failed))) return false;
  if (failed) return true;
  if (line.health_check && !options_.health_checks) return false;
  if (options_.sample_one_in <= 1) return true;
  // The request's id goes with it from program to program, also where there is no tracing.
  const std::string_view id = line.request_id.empty() ? line.trace_id : line.request_id;
  if (id.empty()) return unnamed_.fetch_add(1, std::memory_order_relaxed) % options_.sample_one_in == 0;
  return HashOf(id) % options_.sample_one_in == 0;
}

void CallLog::Write(const CallLine& line) {
  if (!IsWanted(line, IsFailure(line))) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  thread_local std::string text;  // keeps its memory
  text.clear();
  AppendCallLine(line, &text);
  writer_.Write(text);
}

void CallLog::WriteMetrics(Snapshot& out) const {
  const core::LineWriter::Stats stats = writer_.stats();
  const auto number = [](uint64_t count) { return static_cast<double>(count); };
  out.Counter("stratus_access_log_lines_total", "Lines of the access log written.", number(stats.written));
  out.Counter("stratus_access_log_skipped_total", "Calls that sampling, level or kind keep out of the access log.",
              number(skipped_.load(std::memory_order_relaxed)));
  constexpr char kDropped[] = "stratus_access_log_dropped_total";
  constexpr char kDroppedHelp[] = "Lines of the access log lost.";
  out.Counter(kDropped, kDroppedHelp, number(stats.no_room), {{"reason", "queue_full"}});
  out.Counter(kDropped, kDroppedHelp, number(stats.not_taken), {{"reason", "write_failed"}});
  out.Gauge("stratus_access_log_buffer_bytes", "Lines that wait to be written, in bytes.", number(stats.bytes_held));
}

}  // namespace stratus::telemetry
