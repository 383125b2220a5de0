#include "lib/telemetry/span_state.h"

#include <utility>

namespace stratus::telemetry {

void SegmentState::AddFinished(SpanRecord record) {
  std::vector<SpanRecord> going;
  {
    core::MutexLock lock(mutex_);
    waiting_.push_back(std::move(record));
    if (!over_ && waiting_.size() < kWaitingMax) return;
    going.swap(waiting_);
  }
  sink_->Export({resource_, std::move(going)});
}

void SegmentState::Finish(SpanRecord segment) {
  std::vector<SpanRecord> going;
  going.push_back(std::move(segment));
  {
    core::MutexLock lock(mutex_);
    over_ = true;
    going.insert(going.end(), std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
    waiting_.clear();
  }
  sink_->Export({resource_, std::move(going)});
}

void SegmentState::Announce(SpanRecord segment) { sink_->Export({resource_, {std::move(segment)}}); }

SpanState::SpanState(std::shared_ptr<SegmentState> segment, SpanRecord record)
    : segment_(std::move(segment)), id_(record.id), trace_id_(record.trace_id), record_(std::move(record)) {
  record_.start = segment_->Now();
}

std::shared_ptr<SpanState> SpanState::NewChild(std::string_view name, SpanKind kind) const {
  SpanRecord child;
  child.kind = kind;
  child.trace_id = trace_id_;
  child.id = NewSpanId();
  child.parent_id = id_;
  child.has_parent = true;
  child.name = name;
  return std::make_shared<SpanState>(segment_, std::move(child));
}

void SpanState::Announce() {
  SpanRecord record;
  {
    core::MutexLock lock(mutex_);
    if (ended_ || record_.kind != SpanKind::kServer) return;
    record = record_;
  }
  record.in_progress = true;
  segment_->Announce(std::move(record));
}

void SpanState::End() {
  SpanRecord record;
  {
    core::MutexLock lock(mutex_);
    if (ended_) return;
    ended_ = true;
    record = std::move(record_);
  }
  record.duration = segment_->Now() - record.start;
  if (record.kind == SpanKind::kServer) {
    segment_->Finish(std::move(record));
  } else {
    segment_->AddFinished(std::move(record));
  }
}

}  // namespace stratus::telemetry
