#include "services/provisioning/service/api/run_watch.h"

#include <utility>

#include "services/provisioning/domain/run_status.h"

namespace stratus::provisioning::service {
namespace {

constexpr int kEventsAPage = 100;

}  // namespace

void RunWatch::End(const absl::Status& status, const RunFollower::Done& done) {
  sink_.end(status);
  done(RunFollower::Next::kEnd);
}

void RunWatch::AddLostEnd(const store::RunRow& run) {
  if (!events_.empty() || run.record.last_sequence() <= after_) return;
  store::EventRow row;
  row.sequence = run.record.last_sequence();
  row.event.set_sequence(row.sequence);
  *row.event.mutable_time() = run.record.end_time();
  row.event.mutable_status_changed()->set_to(run.record.status());
  events_.push_back(std::move(row));
}

void RunWatch::Look(bool time_up, RunFollower::Done done) {
  if (time_up) {
    return End(absl::UnavailableError("the server is stopping: watch again after the last sequence that came"), done);
  }
  // The run before its events: one that has ended by now has no events to come.
  const auto run = parts_.store->GetRun(run_uid_);
  if (!run.ok()) return End(run.status(), done);
  auto events = parts_.store->Events(run_uid_, after_, kEventsAPage);
  if (!events.ok()) return End(events.status(), done);
  events_ = *std::move(events);
  next_ = 0;
  full_page_ = events_.size() == kEventsAPage;
  last_page_ = !full_page_ && domain::IsTerminal(run->record.status());
  if (last_page_) AddLostEnd(*run);
  SendNext(std::move(done));
}

void RunWatch::SendNext(RunFollower::Done done) {
  if (next_ == events_.size()) {
    if (last_page_) return End(absl::OkStatus(), done);
    return done(full_page_ ? RunFollower::Next::kLookAgain : RunFollower::Next::kWait);
  }
  store::EventRow& row = events_[next_++];
  row.event.set_sequence(row.sequence);
  after_ = row.sequence;
  sink_.send(std::move(row.event), [self = shared_from_this(), done = std::move(done)](bool sent) mutable {
    if (!sent) return self->End(absl::CancelledError("the caller went away"), done);
    self->SendNext(std::move(done));
  });
}

}  // namespace stratus::provisioning::service
