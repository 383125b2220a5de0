// What every call of one worker shares. Built by the Worker; all of it is used on the worker's loop thread only, except
// what is immutable.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/random/random.h"
#include "gateway/filter/auth_filter.h"
#include "gateway/filter/content_coding.h"
#include "gateway/filter/cors.h"
#include "gateway/proxy/call_stats.h"
#include "gateway/proxy/call_trace.h"
#include "gateway/proxy/header_map.h"
#include "gateway/proxy/method_table.h"
#include "gateway/proxy/reply_cache.h"
#include "gateway/transcode/buffer.h"
#include "gateway/transcode/transcode.h"
#include "gateway/upstream/timer_queue.h"
#include "gateway/upstream/upstream.h"
#include "lib/telemetry/call_log.h"

namespace stratus::gateway::proxy {

// As traces and the log name this program.
inline constexpr std::string_view kService = "stratus-gateway";

inline std::string_view ProtocolName(http::Protocol protocol) {
  switch (protocol) {
    case http::Protocol::kHttp10: return "HTTP/1.0";
    case http::Protocol::kHttp11: return "HTTP/1.1";
    case http::Protocol::kHttp2: break;
  }
  return "HTTP/2";
}

// From stratus.config.v1, with its defaults.
struct CallSettings {
  size_t request_body_bytes_max = 16 << 20;
  size_t response_bytes_max = 64 << 20;
  int64_t default_timeout_ns = 60'000'000'000;
  int64_t default_stream_timeout_ns = 3'600'000'000'000;
  int64_t timeout_ns_max = 3'600'000'000'000;
  transcode::OutputOptions output;
  transcode::InputOptions input;
  // Bytes of a reply message from which on its JSON is compressed for who accepts that.
  size_t coded_bytes_min = 1 << 10;
  int coding_level = 1;
  bool entity_tags = true;                  // on what a GET gives
  size_t reply_cache_bytes_max = 64 << 20;  // of one worker
};

// A snapshot and the scratch objects that one worker needs beside it. Calls hold on to the one they began with.
class WorkerSnapshot {
 public:
  explicit WorkerSnapshot(std::shared_ptr<const Snapshot> snapshot)
      : snapshot_(std::move(snapshot)), writers_(snapshot_->route_count()) {}

  const Snapshot& operator*() const { return *snapshot_; }
  const Snapshot* operator->() const { return snapshot_.get(); }

  // The parameter writer of a route, empty.
  transcode::ParameterWriter& WriterOf(int route) {
    auto& writer = writers_[static_cast<size_t>(route)];
    if (writer == nullptr)
      writer = std::make_unique<transcode::ParameterWriter>(*snapshot_->route(route).method->input);
    return *writer;
  }
  // Drops what a failed request has left in it.
  void ResetWriter(int route) { writers_[static_cast<size_t>(route)].reset(); }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::unique_ptr<transcode::ParameterWriter>> writers_;
};

struct Environment {
  upstream::TimerQueue* timers = nullptr;
  std::vector<std::unique_ptr<upstream::Cluster>> clusters;  // by Method::upstream; the last is `reflection`
  std::vector<std::string> upstream_names;                   // for the log
  std::vector<std::string> authorities;                      // :authority towards each upstream
  size_t reflection = 0;                                     // where the gateway's own answers come from
  std::unique_ptr<filter::AuthFilter> auth;
  std::shared_ptr<const filter::Cors> cors;      // null: no CORS
  std::shared_ptr<telemetry::CallLog> call_log;  // null: no log
  std::shared_ptr<const HeaderMap> headers;
  TraceSettings tracing;
  CallStats* stats = nullptr;  // null: nothing is counted
  CallSettings settings;
  bool draining = false;        // health checks at the door fail
  absl::InsecureBitGen random;  // request ids are no secrets
  std::unique_ptr<ReplyCache> cache;
  // By filter::ContentCoding; each made by the first reply that needs it.
  std::array<std::unique_ptr<filter::BodyWriter>, filter::kContentCodings> body_writers;
  Buffer scratch;  // of one reply at a time
};

}  // namespace stratus::gateway::proxy
