// A span that records. Business code sees span.h alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/telemetry/span_record.h"

namespace stratus::telemetry {

// What the spans of one segment share.
class SegmentState {
 public:
  SegmentState(std::shared_ptr<const Resource> resource, SpanSink* sink, const core::Clock* clock)
      : resource_(std::move(resource)),
        sink_(sink),
        clock_(clock),
        wall_(clock->Now()),
        monotonic_(clock->Monotonic()) {}

  // Wall time as of the segment's start, moved on by the monotonic clock: times of one segment add up even where the
  // machine's clock is set in between.
  absl::Time Now() const { return wall_ + (clock_->Monotonic() - monotonic_); }
  absl::Time start() const { return wall_; }

  // A subsegment has ended. It waits for its segment; once there are many, or the segment is over, they go by
  // themselves.
  void AddFinished(SpanRecord&& record);
  // The segment has ended: it goes, with what waited for it.
  void Finish(SpanRecord&& segment);
  void Announce(SpanRecord segment);

 private:
  // As many as the SDKs keep before they stream.
  static constexpr size_t kWaitingMax = 100;
  // A segment and its call to the next hop: as many spans as most segments have.
  static constexpr size_t kSpansUsual = 2;

  const std::shared_ptr<const Resource> resource_;
  SpanSink* const sink_;
  const core::Clock* const clock_;
  const absl::Time wall_;
  const absl::Duration monotonic_;
  core::Mutex mutex_;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<SpanRecord> waiting_ ABSL_GUARDED_BY(mutex_);
};

struct SpanIdentity {
  const TraceIdDigits& trace_id;
  const SpanIdDigits& id;
  const SpanIdDigits* parent_id;  // null: none
};

class SpanState {
 public:
  // Begins now; a kServer with its segment.
  SpanState(std::shared_ptr<SegmentState> segment, SpanKind kind, const SpanIdentity& identity, std::string name);

  std::shared_ptr<SpanState> NewChild(std::string name, SpanKind kind) const;

  // Runs `change` on the record unless the span has ended.
  template <typename Change>
  void Update(Change&& change) {
    core::MutexLock lock(mutex_);
    if (!ended_) change(record_);
  }
  void Announce();
  void End();

  const SpanIdDigits& id() const { return id_; }

 private:
  const std::shared_ptr<SegmentState> segment_;
  const SpanIdDigits id_;
  const TraceIdDigits trace_id_;
  core::Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  SpanRecord record_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::telemetry
