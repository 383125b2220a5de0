// The traces that came in, put together from their documents.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/mutex.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::xray {

struct StoredSpan {
  std::string id;
  std::string parent_id;  // empty: the trace begins here
  std::string name;
  std::string service;  // the segment's name; empty for a subsegment that came by itself
  bool segment = false;
  bool remote = false;
  bool in_progress = false;
  double start = 0;     // seconds since the epoch
  double end = 0;       // the start, of what is in progress
  std::string outcome;  // ok, error, throttle or fault
  bool traced = false;
  Json document;  // its own fields, without subsegments
};

struct Trace {
  std::string id;                 // 1-8hex-24hex
  std::vector<StoredSpan> spans;  // by start, each after its parent where that is there

  double start() const;
  double end() const;
  // What does not fit together: parents that are missing, more than one root, a call that is said to be traced and
  // whose other side is missing.
  std::vector<std::string> Problems() const;
};

struct StoreStats {
  uint64_t documents = 0;  // taken
  uint64_t spans = 0;      // of them; an announcement and its end are one each
  uint64_t rejected = 0;
  uint64_t traces = 0;  // held now
};

// Safe from any thread.
class TraceStore {
 public:
  static constexpr size_t kTracesMax = 2000;  // the oldest go first
  static constexpr size_t kSpansMax = 2000;   // of a trace
  static constexpr size_t kRejectionsMax = 50;

  // A document that has been checked.
  void Add(const Json& document);
  void Reject(std::vector<std::string> problems);
  void Clear();

  std::optional<Trace> Find(std::string_view id) const;
  // The newest first.
  std::vector<Trace> List(size_t traces_max) const;
  std::vector<std::string> Rejections() const;
  StoreStats stats() const;

 private:
  using Spans = std::map<std::string, StoredSpan, std::less<>>;

  mutable core::Mutex mutex_;
  std::map<std::string, Spans, std::less<>> traces_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> order_ ABSL_GUARDED_BY(mutex_);  // by arrival
  std::deque<std::string> rejections_ ABSL_GUARDED_BY(mutex_);
  StoreStats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::sandbox::xray
