#include "gateway/upstream/http2_cluster.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {
namespace {

Kind KindOf(const ClientCall& call) { return call.streaming() ? Kind::kStreaming : Kind::kUnary; }

// The server's word on when to try again (gRPC's A6): the pause, or a negative one for "do not".
absl::Duration Pushback(absl::Span<const http::Header> trailers, absl::Duration fallback) {
  for (const http::Header& header : trailers) {
    if (header.name != "grpc-retry-pushback-ms") continue;
    int milliseconds = -1;
    const char* end = header.value.data() + header.value.size();
    const auto parsed = std::from_chars(header.value.data(), end, milliseconds);
    return absl::Milliseconds(parsed.ec == std::errc() && parsed.ptr == end ? milliseconds : -1);
  }
  return fallback;
}

// Clients that were refused together shall not come again together.
absl::Status Overloaded(const core::Address& upstream, ShedReason reason) {
  const char* const why = reason == ShedReason::kStreams    ? "too many streams are open at"
                          : reason == ShedReason::kDeadline ? "no answer can come before the deadline from"
                                                            : "too many calls are under way at";
  return core::WithRetryAfter(
      absl::UnavailableError(absl::StrCat(why, " the upstream ", upstream.ToString(), "; try again later")),
      absl::Seconds(1) + absl::Milliseconds(static_cast<int>(1000 * core::RandomFraction())));
}

}  // namespace

Http2Cluster::Http2Cluster(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options)
    : io_(io),
      timers_(timers),
      options_(options),
      stats_(options.stats != nullptr ? options.stats : std::make_shared<ClusterStats>()),
      budget_(options.retry.budget_percent),
      admission_(options_.admission, stats_.get()),
      admission_check_([](void* self) { static_cast<Http2Cluster*>(self)->ServeWaiting(); }, this),
      context_{io, timers, memory_.nghttp2(), options_, stats_.get(), this},
      balancer_(options_, stats_.get()),
      discovery_(io, timers, options_, stats_.get(), [this] { OnResolved(); }) {
  UpdateEndpoints();
}

Http2Cluster::~Http2Cluster() {
  closing_ = true;
  for (Count& state : stats_->endpoints) state.Set(0);
  for (Count* gauge : {&stats_->waiting, &stats_->limit, &stats_->in_flight, &stats_->admission_waiting}) gauge->Set(0);
}

// --- Calls.

Call* Http2Cluster::Start(const CallHead& head, CallObserver* observer) {
  ClientCall* call = NewCall();
  call->Prepare(head, observer);
  if (!head.streaming) return call;  // OnReady follows
  EnterUnlimited(call);
  return call;
}

void Http2Cluster::EnterUnlimited(ClientCall* call) {
  budget_.OnCall();
  if (admission_.EnterStream(&call->ticket)) {
    Dispatch(call);
  } else {
    Refuse(call, ShedReason::kStreams);
  }
}

void Http2Cluster::OnReady(ClientCall* call) {
  if (call->waits()) return EnterUnlimited(call);
  budget_.OnCall();
  if (admission_.Enter(&call->ticket, call->path())) return Dispatch(call);
  if (!admission_.Wait(&call->ticket, call->deadline_ns(), TimerQueue::Now())) {
    return Refuse(call, ShedReason::kDeadline);
  }
  ServeWaiting();
}

void Http2Cluster::OnAnswer(ClientCall* call, const absl::Status& status) {
  if (call->ticket.state != Admission::Ticket::State::kUnary) return;
  if (status.ok()) {
    admission_.OnReply(call->ticket, call->sent_ns(), TimerQueue::Now());
  } else if (status.code() == absl::StatusCode::kDeadlineExceeded && !call->deferred) {
    OnTimeout(call);
  }
  // Other errors come too soon to tell anything.
}

void Http2Cluster::OnTimeout(ClientCall* call) {
  admission_.OnTimeout(call->ticket, call->sent_ns(), TimerQueue::Now());
}

void Http2Cluster::ServeWaiting() {
  if (closing_ || std::exchange(serving_, true)) return;
  const int64_t now = TimerQueue::Now();
  while (const auto next = admission_.Next(now)) {
    ClientCall* call = static_cast<ClientCall*>(next->ticket->call);
    if (next->go) {
      Dispatch(call);
    } else {
      Refuse(call, next->reason);
    }
  }
  serving_ = false;
  if (admission_.waiting()) timers_->Arm(&admission_check_, admission_.NextCheck(now));
}

void Http2Cluster::Refuse(ClientCall* call, ShedReason reason) {
  FailLater(call, Overloaded(options_.address, reason));
}

ClientCall* Http2Cluster::NewCall() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<ClientCall>(timers_, context_.calls, options_.tls == nullptr ? "http" : "https"));
    free_.reserve(all_.capacity());
    free_.push_back(all_.back().get());
  }
  ClientCall* call = free_.back();
  free_.pop_back();
  return call;
}

void Http2Cluster::Release(ClientCall* call) {
  admission_.Leave(&call->ticket);
  call->Reset();
  free_.push_back(call);
  if (admission_.waiting()) ServeWaiting();
}

void Http2Cluster::Dispatch(ClientCall* call) {
  if (call->done()) {  // cancelled, or its deadline passed
    Release(call);
    return;
  }
  const Kind kind = KindOf(*call);
  // Those who came first go first; trying them connects to endpoints whose pause is over.
  if (!QueueOf(kind).empty()) DrainQueue(kind);
  if (!QueueOf(kind).empty() || !TryStart(call)) Enqueue(call);
}

bool Http2Cluster::TryStart(ClientCall* call) {
  for (;;) {
    const Balancer::Choice choice = balancer_.Choose(KindOf(*call), call->endpoint);
    if (choice.connection == nullptr) return false;
    // A connection that takes no more streams has begun to drain, and is not chosen again.
    if (!choice.connection->Submit(call)) continue;
    call->endpoint = choice.endpoint;
    return true;
  }
}

bool Http2Cluster::Promising(Kind kind) {
  if (discovery_.resolving()) return true;
  return std::any_of(endpoints_.begin(), endpoints_.end(),
                     [kind](const auto& endpoint) { return endpoint->pool(kind).promising(); });
}

void Http2Cluster::Enqueue(ClientCall* call) {
  const Kind kind = KindOf(*call);
  if (!Promising(kind)) discovery_.Refresh();  // the servers may have moved
  if (!Promising(kind)) {
    FailLater(call, WhyUnavailable());
    return;
  }
  std::deque<ClientCall*>& queue = QueueOf(kind);
  if (queue.size() >= options_.queue_max) {
    FailLater(call, absl::UnavailableError(
                        absl::StrCat("too many calls wait for the upstream ", options_.address.ToString())));
    return;
  }
  queue.push_back(call);
  stats_->waits.Add();
  stats_->waiting.Add();
}

void Http2Cluster::DrainQueue(Kind kind) {
  std::deque<ClientCall*>& queue = QueueOf(kind);
  while (!queue.empty()) {
    ClientCall* call = queue.front();
    if (!call->done() && !TryStart(call)) return;
    queue.pop_front();
    stats_->waiting.Sub();
    if (call->connection == nullptr) Release(call);
  }
}

// Ends the calls of a queue that nothing is going to take.
void Http2Cluster::FailHopeless(Kind kind) {
  DrainQueue(kind);  // connects again where that is possible
  std::deque<ClientCall*>& queue = QueueOf(kind);
  if (queue.empty() || Promising(kind)) return;
  while (!queue.empty()) {
    FailLater(queue.front(), WhyUnavailable());
    queue.pop_front();
    stats_->waiting.Sub();
  }
}

absl::Status Http2Cluster::WhyUnavailable() const {
  if (!last_error_.ok()) return last_error_;
  if (!discovery_.status().ok()) return discovery_.status();
  return absl::UnavailableError("the upstream cannot be reached");
}

void Http2Cluster::FailLater(ClientCall* call, absl::Status status) {
  call->failure = std::move(status);
  failing_.push_back(call);
  if (failing_.size() > 1) return;
  Post([this] {
    std::vector<ClientCall*> calls;
    calls.swap(failing_);
    for (ClientCall* failed : calls) {
      failed->End(failed->failure);
      Release(failed);
    }
  });
}

// --- Starting again.

void Http2Cluster::Move(ClientCall* call, RetryReason reason) {
  stats_->retries[static_cast<size_t>(reason)].Add();
  call->Moved();
  if (reason == RetryReason::kGoAway || call->moves() == 1) {
    Dispatch(call);
  } else {
    call->Pause(options_.retry.backoff_min * core::RandomFraction());
  }
}

bool Http2Cluster::MayRetry(ClientCall* call, absl::Span<const http::Header> trailers) {
  if (!call->CanRetry() || call->retries() + 1 >= options_.retry.attempts_max) return false;
  const absl::Duration longest =
      std::min(options_.retry.backoff_max, options_.retry.backoff_min * (1 << std::min(call->retries(), 10)));
  const absl::Duration pause = Pushback(trailers, longest * core::RandomFraction());
  if (pause < absl::ZeroDuration()) return false;
  if (!budget_.Take(TimerQueue::Now())) {
    stats_->retries_over_budget.Add();
    return false;
  }
  call->retry_pause = pause;
  return true;
}

void Http2Cluster::Retry(ClientCall* call) {
  if (!call->CanRetry()) {  // request bytes are gone, or nobody waits any more
    call->End(call->failure);
    Release(call);
    return;
  }
  stats_->retries[static_cast<size_t>(RetryReason::kUnavailable)].Add();
  call->Retried();
  call->Pause(call->retry_pause);
}

// --- Endpoints.

void Http2Cluster::OnConnected(Kind kind) {
  UpdateStates();
  DrainQueue(kind);
}

void Http2Cluster::OnCapacity(Kind kind) {
  if (!QueueOf(kind).empty()) DrainQueue(kind);
}

void Http2Cluster::OnConnectFailed(Kind kind, const absl::Status& status) {
  last_error_ = status;
  discovery_.Refresh();
  UpdateStates();
  FailHopeless(kind);
}

void Http2Cluster::OnDisconnected(Kind kind) {
  if (!leaving_.empty()) SweepLater();
  if (QueueOf(kind).empty()) return;
  discovery_.Refresh();
  FailHopeless(kind);
}

void Http2Cluster::OnFailing(Endpoint* endpoint) {
  const auto ejected =
      std::count_if(endpoints_.begin(), endpoints_.end(), [](const auto& other) { return other->ejected(); });
  const bool another = std::any_of(endpoints_.begin(), endpoints_.end(), [endpoint](const auto& other) {
    return other.get() != endpoint && other->eligible();
  });
  const auto count = static_cast<int64_t>(endpoints_.size());
  const int64_t allowed = std::max<int64_t>(1, count * options_.outlier.share_max_percent / 100);
  if (another && ejected < allowed) endpoint->Eject();
}

void Http2Cluster::OnEligibilityChanged() {
  balancer_.Update(endpoints_);
  UpdateStates();
  // Not from here: this may be in the middle of some connection's work.
  Post([this] {
    DrainQueue(Kind::kUnary);
    DrainQueue(Kind::kStreaming);
  });
}

void Http2Cluster::OnResolved() {
  UpdateEndpoints();
  FailHopeless(Kind::kUnary);
  FailHopeless(Kind::kStreaming);
}

// Endpoints that were not found any more end their calls in peace; new ones get calls from now on.
void Http2Cluster::UpdateEndpoints() {
  Endpoint::Owner* owner = this;
  const std::vector<EndpointAddress>& found = discovery_.endpoints();
  std::vector<std::unique_ptr<Endpoint>> next;
  for (const EndpointAddress& address : found) {
    const auto old = std::find_if(endpoints_.begin(), endpoints_.end(), [&address](const auto& endpoint) {
      return endpoint != nullptr && endpoint->address() == address;
    });
    next.push_back(old != endpoints_.end() ? std::move(*old) : std::make_unique<Endpoint>(context_, address, owner));
  }
  endpoints_.swap(next);
  balancer_.Update(endpoints_);
  for (std::unique_ptr<Endpoint>& gone : next) {
    if (gone == nullptr) continue;
    core::Log(core::Severity::kInfo, "upstream endpoint has gone: draining it", {{"endpoint", gone->address().name}});
    leaving_.push_back(std::move(gone));
    leaving_.back()->Drain();
  }
  if (!leaving_.empty()) SweepLater();
  UpdateStates();
}

// Drops drained endpoints, once no function of theirs can be on the stack.
void Http2Cluster::SweepLater() {
  if (sweeping_ || closing_) return;
  sweeping_ = true;
  Post([this] {
    sweeping_ = false;
    leaving_.erase(
        std::remove_if(leaving_.begin(), leaving_.end(), [](const auto& endpoint) { return endpoint->drained(); }),
        leaving_.end());
    UpdateStates();
  });
}

void Http2Cluster::UpdateStates() {
  std::array<uint64_t, std::size(kEndpointStateNames)> counts{};
  for (const auto& endpoint : endpoints_) ++counts[static_cast<size_t>(endpoint->state())];
  for (const auto& endpoint : leaving_) ++counts[static_cast<size_t>(endpoint->state())];
  for (size_t i = 0; i < counts.size(); ++i) stats_->endpoints[i].Set(counts[i]);
}

template <typename Work>
void Http2Cluster::Post(Work work) {
  boost::asio::post(io_, [work = std::move(work), alive = std::weak_ptr<char>(alive_)]() mutable {
    if (!alive.expired()) work();
  });
}

}  // namespace stratus::gateway::upstream
