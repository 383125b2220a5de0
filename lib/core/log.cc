#include "lib/core/log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/core/log_trace.h"
#include "lib/core/mutex.h"
#include "lib/core/redact.h"

namespace stratus::core {
namespace {

std::atomic<Severity> g_level{Severity::kInfo};
std::atomic<bool> g_has_sink{false};
std::atomic<uint64_t> g_lost{0};  // lines
Mutex g_sink_mutex;
thread_local const std::string* t_trace_id = nullptr;
std::function<void(std::string_view)>& Sink() {
  static auto* sink = new std::function<void(std::string_view)>();
  return *sink;
}

std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kDebug: return "DEBUG";
    case Severity::kInfo: return "INFO";
    case Severity::kWarning: return "WARNING";
    case Severity::kError: return "ERROR";
  }
  return "ERROR";
}

// How many bytes at the start of `text` stand in a JSON string as they are: ASCII without quotes, backslashes and
// control characters. Eight bytes at a time: a bit is set for each byte that is none of those, and perhaps for bytes
// after it.
size_t PlainPrefix(std::string_view text) {
  constexpr uint64_t kEach = 0x0101010101010101;
  const auto zeros = [](uint64_t word) { return (word - kEach) & ~word; };
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    const uint64_t special =
        ((word - kEach * 0x20) | word | zeros(word ^ (kEach * '"')) | zeros(word ^ (kEach * '\\'))) & (kEach * 0x80);
    if (special != 0) return at + static_cast<size_t>(std::countr_zero(special)) / 8;
  }
  const auto plain = [](char c) { return c >= 0x20 && c != '"' && c != '\\'; };
  while (at < text.size() && plain(text[at])) ++at;
  return at;
}

// Length of the well-formed UTF-8 sequence at the start of `text`, or 0.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

void AppendNumber(std::string* out, double value) {
  if (!std::isfinite(value)) {
    *out += "null";
    return;
  }
  char text[32];
  const auto result = std::to_chars(text, text + sizeof(text), value);
  out->append(text, result.ptr);
}

void AppendText(std::string* out, std::string_view text) {
  if (HoldsSecret(text)) {
    AppendJsonString(out, Redacted(text));
  } else {
    AppendJsonString(out, text);
  }
}

bool HasRoom() {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  return poll(&ready, 1, 0) != 0;
}

// One write(), so that lines of several threads and programs do not mix.
void Put(std::string_view text) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

void WriteLine(std::string_view line) {
  if (g_has_sink.load(std::memory_order_acquire)) {
    MutexLock lock(g_sink_mutex);
    if (Sink()) {
      Sink()(line);
      return;
    }
  }
  // A log that nobody reads must stop no program: what finds no room is lost, and the next line that does says so.
  if (!HasRoom()) {
    g_lost.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const uint64_t lost = g_lost.exchange(0, std::memory_order_relaxed);
  if (lost > 0)
    Put("{\"severity\":\"WARNING\",\"message\":\"lines of the log were lost\",\"lines\":" + std::to_string(lost) +
        "}\n");
  Put(line);
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  while (!text.empty()) {
    const size_t plain = PlainPrefix(text);
    out->append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const size_t length = Utf8Length(text);
    const auto c = static_cast<unsigned char>(text.front());
    if (length == 0) {
      *out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(c));
    } else if (c < 0x20) {
      *out += "\\u00";
      out->push_back(kHex[c >> 4]);
      out->push_back(kHex[c & 15]);
    } else {
      out->append(text.data(), length);
    }
    text.remove_prefix(length);
  }
  out->push_back('"');
}

void Log(Severity severity, std::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(severity)) return;
  std::string line = "{\"time\":\"";
  line += absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  line += "\",\"severity\":\"";
  line += Name(severity);
  line += "\",\"message\":";
  AppendText(&line, message);
  for (const LogField& field : fields) {
    line.push_back(',');
    AppendJsonString(&line, field.key);
    line.push_back(':');
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      AppendText(&line, *text);
    } else if (const auto* integer = std::get_if<int64_t>(&field.value)) {
      line += std::to_string(*integer);
    } else if (const auto* number = std::get_if<double>(&field.value)) {
      AppendNumber(&line, *number);
    } else {
      line += std::get<bool>(field.value) ? "true" : "false";
    }
  }
  if (t_trace_id != nullptr && !t_trace_id->empty()) {
    line += ",\"traceId\":";
    AppendText(&line, *t_trace_id);
  }
  line += "}\n";
  WriteLine(line);
}

ScopedLogTrace::ScopedLogTrace(std::string_view trace_id) : trace_id_(trace_id), before_(t_trace_id) {
  t_trace_id = &trace_id_;
}
ScopedLogTrace::~ScopedLogTrace() { t_trace_id = before_; }

void SetLogLevel(Severity severity) { g_level.store(severity, std::memory_order_relaxed); }
bool LogEnabled(Severity severity) { return severity >= g_level.load(std::memory_order_relaxed); }

void SetLogSink(std::function<void(std::string_view)> sink) {
  MutexLock lock(g_sink_mutex);
  Sink() = std::move(sink);
  g_has_sink.store(static_cast<bool>(Sink()), std::memory_order_release);
}

}  // namespace stratus::core
