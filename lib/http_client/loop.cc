#include "lib/http_client/loop.h"

#include <signal.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "lib/telemetry/span.h"

namespace stratus::http_client {
namespace {

constexpr int kPollMillisMax = 60'000;
constexpr size_t kDestinationsMax = 1024;

// Signals are the program's business; SIGPIPE from a TLS write would end it (CURLOPT_NOSIGNAL leaves that to us).
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

CURLM* NewMulti() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  return initialised == CURLE_OK ? curl_multi_init() : nullptr;
}

}  // namespace

struct Client::Loop::Call : std::enable_shared_from_this<Call> {
  Call(Request r, Url u, Callback d) : request(std::move(r)), url(std::move(u)), done(std::move(d)) {}

  const Request request;
  const Url url;
  Callback done;
  const telemetry::SpanRef caller = telemetry::CurrentSpan();  // whose part this is
  telemetry::Span span;
  absl::Duration deadline;  // monotonic
  std::atomic<bool> cancelled = false;

  enum class State { kWaiting, kRunning, kBackingOff, kDone };
  State state = State::kWaiting;
  absl::Duration timer;
  Destination* destination = nullptr;
  std::unique_ptr<Transfer> transfer;
  int attempts = 0;
  // How the last attempt ended, for when the next one is not let out.
  std::optional<AttemptResult> last;

  // Retries and waits for a connection are within it, as they are for the caller.
  void StartSpan() {
    span = caller.StartChild(url.authority(), telemetry::SpanKind::kClient);
    span.SetHttpRequest(request.method, url.display());
  }
  void EndSpan(const absl::StatusOr<Response>& result) {
    if (!span.recording()) return;
    if (attempts > 1) span.Annotate("attempts", int64_t{attempts});
    if (result.ok()) {
      span.SetHttpResponse(result->status, static_cast<int64_t>(result->body.size()));
    } else {
      span.SetStatus(result.status());
    }
    span.End();
  }
};

class Client::Loop::Inbox {
 public:
  explicit Inbox(CURLM* multi) : multi_(multi) {}

  // False when closed.
  bool Push(CallPtr call) { return Put(&calls_, std::move(call)); }
  void PushCancel(CallPtr call) { Put(&cancels_, std::move(call)); }

  void Close() {
    core::MutexLock lock(mutex_);
    closed_ = true;
    curl_multi_wakeup(multi_);
  }

  // False when closed: what it hands out then is the last.
  bool Take(std::vector<CallPtr>* calls, std::vector<CallPtr>* cancels) {
    core::MutexLock lock(mutex_);
    calls->swap(calls_);
    cancels->swap(cancels_);
    return !closed_;
  }

 private:
  bool Put(std::vector<CallPtr>* to, CallPtr call) {
    core::MutexLock lock(mutex_);
    if (closed_) return false;
    const bool was_empty = calls_.empty() && cancels_.empty();
    to->push_back(std::move(call));
    if (was_empty) curl_multi_wakeup(multi_);
    return true;
  }

  core::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<CallPtr> calls_;    // guarded by mutex_; at most requests_max
  std::vector<CallPtr> cancels_;  // guarded by mutex_; each call at most once
  CURLM* const multi_;            // used only while not closed
};

Client::Loop::Loop(Options options)
    : options_(std::move(options)),
      multi_(NewMulti()),
      inbox_(std::make_shared<Inbox>(multi_.get())),
      destinations_(std::max(1, options_.breaker_failures), options_.breaker_open_for, kDestinationsMax) {
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options_.connections_max));
  curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options_.connections_max));
  thread_ = std::thread([this] { Run(); });
}

Client::Loop::~Loop() {
  inbox_->Close();
  thread_.join();
}

Client::Cancel Client::Loop::Send(Request request, Callback done) {
  counters_.requests.fetch_add(1, std::memory_order_relaxed);
  const Cancel nothing_to_cancel = [] {};
  if (!multi_) {
    done(absl::InternalError("libcurl cannot be initialised"));
    return nothing_to_cancel;
  }
  absl::StatusOr<Url> url = Url::Parse(request.url);
  if (!url.ok()) {
    done(url.status());
    return nothing_to_cancel;
  }
  if (counters_.in_flight.fetch_add(1) >= static_cast<uint64_t>(options_.requests_max)) {
    counters_.in_flight.fetch_sub(1);
    counters_.overload_rejections.fetch_add(1, std::memory_order_relaxed);
    done(absl::UnavailableError(absl::StrCat(url->display(), ": too many requests under way")));
    return nothing_to_cancel;
  }
  const bool has_deadline = request.deadline != absl::InfiniteFuture();
  const absl::Duration timeout = has_deadline ? request.deadline - clock_.Now() : options_.default_timeout;
  auto call = std::make_shared<Call>(std::move(request), *std::move(url), std::move(done));
  call->deadline = clock_.Monotonic() + timeout;
  call->StartSpan();
  if (!inbox_->Push(call)) {
    counters_.in_flight.fetch_sub(1);
    call->done(absl::CancelledError(absl::StrCat(call->url.display(), ": the client is shutting down")));
    return nothing_to_cancel;
  }
  return [inbox = inbox_, weak = std::weak_ptr<Call>(call)] {
    const CallPtr target = weak.lock();
    if (target && !target->cancelled.exchange(true)) inbox->PushCancel(target);
  };
}

Client::Stats Client::Loop::stats() const {
  return {.requests = counters_.requests,
          .retries = counters_.retries,
          .breaker_rejections = counters_.breaker_rejections,
          .overload_rejections = counters_.overload_rejections,
          .in_flight = counters_.in_flight,
          .breakers_open = counters_.breakers_open};
}

void Client::Loop::Run() {
  BlockSignals();
  if (!multi_) return;
  while (TakeInbox()) {
    FireTimers();
    StartWaiting();
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    HarvestFinished();
    StartWaiting();
    curl_multi_poll(multi_.get(), nullptr, 0, PollMillis(), nullptr);
  }
  while (!timers_.empty()) {
    FinishWith(timers_.begin()->second, absl::StatusCode::kCancelled, "the client is shutting down");
  }
}

bool Client::Loop::TakeInbox() {
  std::vector<CallPtr> calls;
  std::vector<CallPtr> cancels;
  const bool open = inbox_->Take(&calls, &cancels);
  for (CallPtr& call : calls) Accept(std::move(call));
  for (const CallPtr& call : cancels) {
    if (call->state != Call::State::kDone) FinishWith(call, absl::StatusCode::kCancelled, "cancelled");
  }
  return open;
}

void Client::Loop::Accept(CallPtr call) {
  SetTimer(call, call->deadline);
  call->destination = destinations_.Acquire(call->url.authority());
  if (destinations_.size() == kDestinationsMax) counters_.breakers_open = destinations_.CountOpenBreakers();
  if (call->destination == nullptr) return FinishWith(call, absl::StatusCode::kUnavailable, "too many hosts in use");
  call->destination->budget.OnFirstTry();
  waiting_.push_back(std::move(call));
}

void Client::Loop::FireTimers() {
  const absl::Duration now = clock_.Monotonic();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const CallPtr call = timers_.begin()->second;
    OnTimer(call, now);
  }
}

void Client::Loop::OnTimer(const CallPtr& call, absl::Duration now) {
  if (call->state == Call::State::kRunning) {
    StopAttempt(*call);
    ReportToBreaker(*call, true);
  }
  if (now >= call->deadline) return FinishWith(call, absl::StatusCode::kDeadlineExceeded, "no reply in time");
  SetTimer(call, call->deadline);
  if (call->state == Call::State::kBackingOff) {
    call->state = Call::State::kWaiting;
    waiting_.push_back(call);
    return;
  }
  EndAttempt(call, {.status = absl::DeadlineExceededError("no reply in the time of one attempt"), .retryable = true});
}

void Client::Loop::StartWaiting() {
  for (auto it = waiting_.begin(); it != waiting_.end() && attempts_active_ < options_.connections_max;) {
    const CallPtr call = *it;
    if (call->destination->attempts_active >= options_.connections_per_host_max) {
      ++it;
      continue;
    }
    it = waiting_.erase(it);
    StartAttempt(call);
  }
}

void Client::Loop::StartAttempt(const CallPtr& call) {
  const absl::Duration now = clock_.Monotonic();
  if (!call->destination->breaker.Allow(now)) {
    counters_.breaker_rejections.fetch_add(1, std::memory_order_relaxed);
    if (call->last) return Deliver(call, *std::move(call->last));
    return FinishWith(call, absl::StatusCode::kUnavailable, "the host has been failing: not asked (circuit breaker)");
  }
  auto transfer = Transfer::Create(options_, call->request, call->url, call.get());
  if (!transfer.ok()) {
    call->destination->breaker.OnAbandoned();
    return FinishWith(call, transfer.status().code(), core::ToStd(transfer.status().message()));
  }
  call->transfer = *std::move(transfer);
  call->state = Call::State::kRunning;
  if (call->attempts++ > 0) counters_.retries.fetch_add(1, std::memory_order_relaxed);
  ++call->destination->attempts_active;
  ++attempts_active_;
  SetTimer(call, std::min(call->deadline, now + options_.attempt_timeout));
  curl_multi_add_handle(multi_.get(), call->transfer->handle());
}

void Client::Loop::HarvestFinished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Call* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    const CallPtr call = owner->shared_from_this();
    AttemptResult result = call->transfer->Finish(code);
    StopAttempt(*call);
    ReportToBreaker(*call, result.host_failed);
    EndAttempt(call, std::move(result));
  }
}

void Client::Loop::StopAttempt(Call& call) {
  curl_multi_remove_handle(multi_.get(), call.transfer->handle());
  call.transfer.reset();
  --call.destination->attempts_active;
  --attempts_active_;
}

void Client::Loop::ReportToBreaker(Call& call, bool failed) {
  CircuitBreaker& breaker = call.destination->breaker;
  const bool was_open = breaker.open();
  if (failed) {
    breaker.OnFailure(clock_.Monotonic());
  } else {
    breaker.OnSuccess();
  }
  if (breaker.open() != was_open) counters_.breakers_open = destinations_.CountOpenBreakers();
}

void Client::Loop::EndAttempt(const CallPtr& call, AttemptResult result) {
  const std::optional<absl::Duration> delay = RetryDelay(*call, result);
  if (!delay) return Deliver(call, std::move(result));
  call->state = Call::State::kBackingOff;
  call->last = std::move(result);
  SetTimer(call, clock_.Monotonic() + *delay);
}

std::optional<absl::Duration> Client::Loop::RetryDelay(const Call& call, const AttemptResult& result) const {
  if (!result.retryable || !call.request.idempotent || call.attempts >= options_.attempts_max) return std::nullopt;
  absl::Duration delay =
      BackoffDelay(options_.backoff_base, options_.backoff_max, call.attempts - 1, core::RandomFraction());
  if (const auto asked = ParseRetryAfter(result.response.Header("retry-after"), clock_.Now())) delay = *asked;
  if (clock_.Monotonic() + delay >= call.deadline) return std::nullopt;
  if (!call.destination->budget.TakeRetry()) return std::nullopt;
  return delay;
}

void Client::Loop::SetTimer(const CallPtr& call, absl::Duration at) {
  timers_.erase({call->timer, call});
  call->timer = at;
  timers_.emplace(at, call);
}

void Client::Loop::Deliver(const CallPtr& call, AttemptResult result) {
  if (!result.status.ok()) return FinishWith(call, result.status.code(), core::ToStd(result.status.message()));
  result.response.attempts = call->attempts;
  Finish(call, std::move(result.response));
}

void Client::Loop::FinishWith(const CallPtr& call, absl::StatusCode code, std::string_view reason) {
  std::string message = absl::StrCat(call->request.method, " ", call->url.display(), ": ", core::ToAbsl(reason));
  if (call->attempts > 1) absl::StrAppend(&message, " (", call->attempts, " attempts)");
  Finish(call, core::Error(code, message));
}

void Client::Loop::Finish(const CallPtr& borrowed, absl::StatusOr<Response> result) {
  // The caller's may be an entry of timers_. NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const CallPtr call = borrowed;
  timers_.erase({call->timer, call});
  if (call->state == Call::State::kWaiting) waiting_.remove(call);
  if (call->state == Call::State::kRunning && call->transfer) {
    StopAttempt(*call);
    call->destination->breaker.OnAbandoned();
  }
  call->state = Call::State::kDone;
  if (call->destination != nullptr) Destinations::Release(call->destination);
  counters_.in_flight.fetch_sub(1);
  call->EndSpan(result);
  const Callback done = std::move(call->done);
  const telemetry::ScopedSpan scope(call->caller);
  done(std::move(result));
}

int Client::Loop::PollMillis() const {
  if (timers_.empty()) return kPollMillisMax;
  // Rounded up: a wait that ends before its timer would spin.
  const absl::Duration wait = absl::Ceil(timers_.begin()->first - clock_.Monotonic(), absl::Milliseconds(1));
  return static_cast<int>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(wait), 0, static_cast<int64_t>(kPollMillisMax)));
}

}  // namespace stratus::http_client
