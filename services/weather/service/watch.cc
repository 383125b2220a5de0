#include "services/weather/service/watch.h"

#include <utility>

#include "lib/core/status.h"

namespace stratus::weather {
namespace {

// How long one look may take; the watch itself lasts as long as its caller does.
constexpr absl::Duration kLookTimeout = absl::Seconds(10);

}  // namespace

std::shared_ptr<Watch> Watch::Start(const v1::WatchWeatherRequest& request, Parts parts, Sink sink) {
  absl::StatusOr<WatchQuery> query = CheckWatch(request);
  if (!query.ok()) {
    sink.end(query.status());
    return nullptr;
  }
  if (!parts.limit->TryAcquire()) {
    sink.end(core::WithRetryAfter(absl::ResourceExhaustedError("too many callers are watching the weather"),
                                  absl::Seconds(30)));
    return nullptr;
  }
  std::shared_ptr<Watch> watch(new Watch(*std::move(query), parts, std::move(sink)));
  watch->Look();
  return watch;
}

Watch::Watch(WatchQuery query, Parts parts, Sink sink)
    : query_(std::move(query)), parts_(parts), sink_(std::move(sink)) {}

Watch::~Watch() { Close(); }

void Watch::Cancel() { Close(); }

void Watch::Look() {
  parts_.core->GetToday(
      query_.today, absl::Now() + kLookTimeout,
      [self = shared_from_this()](absl::StatusOr<EncodedReply> reply) { self->Take(std::move(reply)); });
}

void Watch::Take(absl::StatusOr<EncodedReply> reply) {
  if (closed()) return;
  if (!reply.ok()) {
    auto end = sink_.end;
    if (Close()) end(reply.status());
    return;
  }
  // The body is another one when the source has newer data, and when the local day has changed.
  const bool news = last_body_ == nullptr || *last_body_ != *reply->body || last_fetched_at_ != reply->fetched_at ||
                    last_stale_ != reply->stale;
  if (!news) return LookLater();
  last_body_ = reply->body;
  last_fetched_at_ = reply->fetched_at;
  last_stale_ = reply->stale;
  sink_.send(*std::move(reply), [self = shared_from_this()](bool sent) {
    if (sent) {
      self->LookLater();
    } else {
      self->Close();
    }
  });
}

void Watch::LookLater() {
  bool refused = false;
  {
    core::MutexLock lock(mutex_);
    if (closed_) return;
    timer_ = parts_.timers->Schedule(query_.min_interval, [self = shared_from_this()] { self->Look(); });
    refused = timer_ == 0;
  }
  auto end = sink_.end;
  if (refused && Close()) end(absl::UnavailableError("the server is stopping"));
}

bool Watch::Close() {
  TimerQueue::Id timer = 0;
  {
    core::MutexLock lock(mutex_);
    if (closed_) return false;
    closed_ = true;
    timer = timer_;
  }
  parts_.limit->Release();
  if (timer != 0) parts_.timers->Cancel(timer);
  return true;
}

bool Watch::closed() {
  core::MutexLock lock(mutex_);
  return closed_;
}

}  // namespace stratus::weather
