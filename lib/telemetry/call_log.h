// One JSON line a call, the same for each program that answers calls.
//
//   telemetry::CallLog log({.fd = STDOUT_FILENO});
//   log.Write({.service = "stratus-weather", .trace_id = trace.trace_id(), .method = method, .code = code, ...});
//   -> {"time":"2026-01-02T03:04:05.678Z","severity":"INFO","service":"stratus-weather","traceId":"4bf9...",...}
//
// A line has the fields of CallLine and no others, so that no header, query, body or error message can get into it. The
// three that a caller makes up (request id, HTTP method, path) are bounded, and dropped or blotted out where they look
// like a credential.
//
// Which calls: failures always, successes one in N, chosen by the request's id, so that all programs choose the same
// ones; health checks that succeed not at all unless asked for. Severities are INFO, WARNING for what the caller did
// wrong, ERROR for faults: `/loglevel` holds here too. Lines go out by a thread of their own (core/line_writer.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/core/line_writer.h"

namespace stratus::telemetry {

class Snapshot;

// What is empty, or 0 where that means nothing, is left out of the line.
struct CallLine {
  absl::Time time = {};
  std::string_view service = {};  // stratus-gateway, stratus-weather, ...
  std::string_view request_id = {};
  std::string_view trace_id = {};
  std::string_view client_id = {};  // of a principal, so of a token that was verified
  std::string_view peer = {};
  std::string_view protocol = {};  // HTTP/1.1, HTTP/2
  std::string_view http_method = {};
  std::string_view path = {};    // without the query; only of what matched nothing
  std::string_view route = {};   // path template, or the gRPC path
  std::string_view method = {};  // pkg.Service.Method
  std::string_view upstream = {};
  int http_status = 0;
  absl::StatusCode code = absl::StatusCode::kOk;
  uint64_t bytes_in = 0;  // of bodies or messages
  uint64_t bytes_out = 0;
  absl::Duration duration = {};
  const char* reason = "";    // why a token was not accepted: one of our own texts
  bool health_check = false;  // of a kind that probes send all day; not in the line
};

struct CallLogOptions {
  int fd = 1;
  uint64_t sample_one_in = 1;  // of successful calls; at least 1
  bool health_checks = false;
};

class CallLog {
 public:
  explicit CallLog(CallLogOptions options);

  // From any thread; never waits. Allocates nothing once the thread has written a line.
  void Write(const CallLine& line);

  // stratus_access_log_lines_total, ..._skipped_total, ..._dropped_total{reason}, ..._buffer_bytes
  void WriteMetrics(Snapshot& out) const;

 private:
  bool IsWanted(const CallLine& line, bool failed);

  const CallLogOptions options_;
  std::atomic<uint64_t> skipped_{0};
  std::atomic<uint64_t> unnamed_{1};  // successes without any id, and the next one
  core::LineWriter writer_;
};

// The line, with its newline.
void AppendCallLine(const CallLine& line, std::string* out);

}  // namespace stratus::telemetry
