// The bounded queue between the threads that serve calls and an exporter's own.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "lib/telemetry/export_counters.h"
#include "lib/telemetry/span_record.h"

namespace stratus::telemetry {

class ExportQueue {
 public:
  // `spans_max`: past it what comes is dropped. `counters` outlives the queue.
  ExportQueue(size_t spans_max, ExportCounters* counters) : spans_max_(spans_max), counters_(*counters) {}

  // Counts the spans as created; what finds no room, or comes after Close, as dropped. Never waits for the exporter.
  void Push(FinishedSpans finished);

  // Waits for spans and hands out all there are: at once when there are `enough`, else `linger` after the first. False
  // when the queue is closed and nothing is left.
  bool Take(std::vector<FinishedSpans>* out, size_t enough = 1, absl::Duration linger = absl::ZeroDuration());

  // Takes nothing any more, and wakes whoever waits.
  void Close();
  bool closed() const;

  size_t spans() const;

 private:
  const size_t spans_max_;
  ExportCounters& counters_;
  mutable core::Mutex mutex_;
  core::CondVar wake_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  size_t spans_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t wake_at_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<FinishedSpans> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::telemetry
