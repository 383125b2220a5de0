// One JSON line a call. Workers append to a buffer in memory; a thread of the log's own writes it out in batches, so a
// slow reader of the log costs lines (counted and reported), never a request's time.
//
// A line never holds a token, a query value or a body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"

namespace stratus::gateway::filter {

struct AccessRecord {
  absl::Time time;
  std::string_view request_id;
  std::string_view trace_id;   // empty: no tracing
  std::string_view client_id;  // empty: no principal
  std::string_view peer;
  std::string_view protocol;  // HTTP/1.1, HTTP/2, gRPC
  std::string_view http_method;
  std::string_view path;    // as asked for, without the query; only of what matched nothing
  std::string_view route;   // path template, or the gRPC path; empty when nothing matched
  std::string_view method;  // pkg.Service.Method
  std::string_view upstream;
  int http_status = 0;
  absl::StatusCode grpc_code = absl::StatusCode::kOk;
  uint64_t bytes_in = 0;  // of bodies
  uint64_t bytes_out = 0;
  absl::Duration duration;
  std::string_view reason;  // why a token was not accepted; empty otherwise
};

class AccessLog {
 public:
  // Lines that wait for the writer; beyond it lines are dropped.
  static constexpr size_t kBufferMax = 4 << 20;

  // Writes to the file descriptor `fd`, which the caller keeps open.
  explicit AccessLog(int fd);
  // Writes out what is left.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // Safe from any thread.
  void Write(const AccessRecord& record);

 private:
  void Run();
  void WriteOut(std::string_view batch);

  const int fd_;
  core::Mutex mutex_;
  core::CondVar wake_;
  std::string pending_ ABSL_GUARDED_BY(mutex_);
  uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread writer_;
};

// The line for a record, with its newline.
void AppendAccessLine(const AccessRecord& record, std::string* out);

}  // namespace stratus::gateway::filter
