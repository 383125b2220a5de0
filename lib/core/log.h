// JSON logs: one object a line on stderr.
//
//   core::Log(core::Severity::kWarning, "jwks refresh failed", {{"issuer", issuer}, {"failures", 3}});
//   -> {"time":"2026-01-02T03:04:05.678Z","severity":"WARNING","message":"jwks refresh
//   failed","issuer":"...","failures":3}
//
// Never pass a token, a key or an Authorization header: there is no redaction after the fact.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace stratus::core {

enum class Severity { kDebug, kInfo, kWarning, kError };

struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <typename Integer>
  requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>) LogField(std::string_view k, Integer v)
      : key(k), value(static_cast<int64_t>(v)) {}

  std::string_view key;
  std::variant<std::string_view, int64_t, double, bool> value;
};

// Writes one line. Safe from any thread; a line is written by one write() and so never mixes with another.
void Log(Severity severity, std::string_view message, std::initializer_list<LogField> fields = {});

// Lines below this are dropped; kInfo at start. Can be changed at run time.
void SetLogLevel(Severity severity);
bool LogEnabled(Severity severity);

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string* out, std::string_view text);

// Sends lines to `sink` in place of stderr, for tests; nullptr undoes it.
void SetLogSink(std::function<void(std::string_view line)> sink);

}  // namespace stratus::core
