#include "lib/telemetry/span_state.h"

#include <utility>

namespace stratus::telemetry {

void SegmentState::AddFinished(SpanRecord&& record) {
  std::vector<SpanRecord> going;
  {
    core::MutexLock lock(mutex_);
    if (waiting_.empty()) waiting_.reserve(kSpansUsual);
    waiting_.push_back(std::move(record));
    if (!over_ && waiting_.size() < kWaitingMax) return;
    going.swap(waiting_);
  }
  sink_->Export({resource_, std::move(going)});
}

void SegmentState::Finish(SpanRecord&& segment) {
  std::vector<SpanRecord> going;
  {
    core::MutexLock lock(mutex_);
    over_ = true;
    waiting_.insert(waiting_.begin(), std::move(segment));
    going.swap(waiting_);
  }
  sink_->Export({resource_, std::move(going)});
}

void SegmentState::Announce(SpanRecord segment) { sink_->Export({resource_, {std::move(segment)}}); }

SpanState::SpanState(std::shared_ptr<SegmentState> segment, SpanKind kind, const SpanIdentity& identity,
                     std::string name)
    : segment_(std::move(segment)), id_(identity.id), trace_id_(identity.trace_id) {
  record_.kind = kind;
  record_.trace_id = trace_id_;
  record_.id = id_;
  record_.has_parent = identity.parent_id != nullptr;
  if (record_.has_parent) record_.parent_id = *identity.parent_id;
  record_.name = std::move(name);
  record_.start = kind == SpanKind::kServer ? segment_->start() : segment_->Now();
}

std::shared_ptr<SpanState> SpanState::NewChild(std::string name, SpanKind kind) const {
  return std::make_shared<SpanState>(segment_, kind, SpanIdentity{trace_id_, NewSpanId(), &id_}, std::move(name));
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
  SpanRecord* record;
  {
    core::MutexLock lock(mutex_);
    if (ended_) return;
    ended_ = true;
    record = &record_;  // which nobody else touches from here on
  }
  record->duration = segment_->Now() - record->start;
  if (record->kind == SpanKind::kServer) {
    segment_->Finish(std::move(*record));
  } else {
    segment_->AddFinished(std::move(*record));
  }
}

}  // namespace stratus::telemetry
