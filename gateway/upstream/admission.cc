#include "gateway/upstream/admission.h"

#include <algorithm>

#include "lib/core/status.h"

namespace stratus::gateway::upstream {
namespace {

// What no method may have while it has more than its share.
constexpr double kReservedPart = 0.25;
// A queue that has been there for longer does not go away by waiting.
constexpr int64_t kStandingNs = 100'000'000;
constexpr int kImpatience = 10;
constexpr std::string_view kOthers = "other";

}  // namespace

struct Admission::Method {
  std::string path;
  int in_flight = 0;
  int waiting = 0;
  Ticket* oldest = nullptr;
  Ticket* newest = nullptr;
  Latency latency;
  MethodStats* stats = nullptr;

  bool idle() const { return in_flight == 0 && waiting == 0; }
};

Admission::Admission(const AdmissionOptions& options, ClusterStats* stats)
    : options_(options), stats_(stats), limit_(options.limit) {
  stats_->limit.Set(static_cast<uint64_t>(limit_.value()));
}

Admission::~Admission() = default;

Admission::Method* Admission::Find(std::string_view path) {
  if (last_ != nullptr && last_->path == path) return last_;
  auto found = methods_.find(core::ToAbsl(path));
  if (found == methods_.end()) {
    if (methods_.size() >= kMethodsMax && path != kOthers) return Find(kOthers);
    found = methods_.emplace(std::string(path), std::make_unique<Method>()).first;
    found->second->path = path;
    found->second->stats = stats_->methods.Add(path);
  }
  return last_ = found->second.get();
}

bool Admission::MayGo(const Method& method) const {
  const int limit = limit_.value();
  if (in_flight_ < limit) {
    // The share is that of one more method than there is: there is always room for one that comes new.
    if (in_flight_ < limit * (1 - kReservedPart) || method.in_flight < limit / (active_ + 1)) return true;
  }
  return method.in_flight == 0;  // each gets on, whatever the others do
}

void Admission::Go(Ticket* ticket) {
  Method& method = *ticket->method;
  if (method.idle()) ++active_;
  ++method.in_flight;
  ++in_flight_;
  ticket->state = Ticket::State::kUnary;
  limit_.Saw(in_flight_);
  method.stats->in_flight.Add();
  stats_->in_flight.Add();
}

bool Admission::Enter(Ticket* ticket, std::string_view path) {
  ticket->method = Find(path);
  // Of its own kind it overtakes nobody.
  if (ticket->method->waiting > 0 || !MayGo(*ticket->method)) return false;
  Go(ticket);
  return true;
}

bool Admission::EnterStream(Ticket* ticket) {
  if (streams_ >= options_.streams_max) {
    stats_->shed[static_cast<size_t>(ShedReason::kStreams)].Add();
    return false;
  }
  ++streams_;
  ticket->state = Ticket::State::kStream;
  return true;
}

bool Admission::Wait(Ticket* ticket, int64_t deadline_ns, int64_t now_ns) {
  Method& method = *ticket->method;
  if (deadline_ns != 0 && deadline_ns - now_ns < method.latency.baseline_ns) {
    Count(method, ShedReason::kDeadline);
    return false;
  }
  ticket->deadline_ns = deadline_ns;
  ticket->queued_ns = now_ns;
  ticket->state = Ticket::State::kWaiting;
  ticket->older = method.newest;
  (method.newest != nullptr ? method.newest->newer : method.oldest) = ticket;
  method.newest = ticket;
  if (method.idle()) ++active_;
  if (method.waiting++ == 0) hungry_.push_back(&method);
  if (waiting_++ == 0) waiting_since_ns_ = now_ns;
  method.stats->waiting.Add();
  stats_->admission_waiting.Add();
  return true;
}

void Admission::Unlink(Ticket* ticket) {
  Method& method = *ticket->method;
  (ticket->older != nullptr ? ticket->older->newer : method.oldest) = ticket->newer;
  (ticket->newer != nullptr ? ticket->newer->older : method.newest) = ticket->older;
  ticket->older = ticket->newer = nullptr;
  ticket->state = Ticket::State::kOut;
  if (--method.waiting == 0) {
    *std::find(hungry_.begin(), hungry_.end(), &method) = hungry_.back();
    hungry_.pop_back();
  }
  --waiting_;
  if (method.idle()) --active_;
  method.stats->waiting.Sub();
  stats_->admission_waiting.Sub();
}

void Admission::Leave(Ticket* ticket) {
  switch (ticket->state) {
    case Ticket::State::kOut: break;
    case Ticket::State::kWaiting: Unlink(ticket); break;
    case Ticket::State::kStream: --streams_; break;
    case Ticket::State::kUnary:
      --ticket->method->in_flight;
      --in_flight_;
      if (ticket->method->idle()) --active_;
      ticket->method->stats->in_flight.Sub();
      stats_->in_flight.Sub();
      break;
  }
  ticket->state = Ticket::State::kOut;
}

bool Admission::Standing(int64_t now_ns) const { return waiting_ > 0 && now_ns - waiting_since_ns_ > kStandingNs; }

int64_t Admission::Patience(int64_t now_ns) const {
  return absl::ToInt64Nanoseconds(options_.queue_wait) / (Standing(now_ns) ? kImpatience : 1);
}

int64_t Admission::NextCheck(int64_t now_ns) const {
  int64_t first = now_ns;
  for (const Method* method : hungry_) first = std::min(first, method->oldest->queued_ns);
  return first + Patience(now_ns);
}

std::optional<Admission::Decision> Admission::Overdue(int64_t now_ns) {
  const int64_t patience = Patience(now_ns);
  const int queue_max = std::max(kQueueMin, limit_.value());
  for (Method* method : hungry_) {
    if (method->waiting > queue_max) return Refuse(method->oldest, ShedReason::kQueueFull);
    if (now_ns - method->oldest->queued_ns >= patience) return Refuse(method->oldest, ShedReason::kWaited);
  }
  return std::nullopt;
}

Admission::Method* Admission::Chosen() const {
  Method* chosen = nullptr;
  for (Method* method : hungry_) {
    if ((chosen == nullptr || method->in_flight < chosen->in_flight) && MayGo(*method)) chosen = method;
  }
  return chosen;
}

std::optional<Admission::Decision> Admission::Next(int64_t now_ns) {
  if (waiting_ == 0) return std::nullopt;
  if (limit_.EndProbeIfDue(now_ns)) stats_->limit.Set(static_cast<uint64_t>(limit_.value()));
  const bool standing = Standing(now_ns);
  if (Method* method = Chosen(); method != nullptr) {
    Ticket* ticket = standing ? method->newest : method->oldest;
    if (ticket->deadline_ns != 0 && ticket->deadline_ns - now_ns < method->latency.baseline_ns) {
      return Refuse(ticket, ShedReason::kDeadline);
    }
    Unlink(ticket);
    Go(ticket);
    return Decision{ticket, true, ShedReason::kWaited};
  }
  return Overdue(now_ns);
}

Admission::Decision Admission::Refuse(Ticket* ticket, ShedReason reason) {
  Unlink(ticket);
  Count(*ticket->method, reason);
  return {ticket, false, reason};
}

void Admission::Count(const Method& method, ShedReason reason) {
  stats_->shed[static_cast<size_t>(reason)].Add();
  method.stats->shed[static_cast<size_t>(reason)].Add();
}

void Admission::OnReply(const Ticket& ticket, int64_t sent_ns, int64_t now_ns) {
  if (ticket.state != Ticket::State::kUnary) return;
  limit_.OnReply(&ticket.method->latency, sent_ns, now_ns);
  stats_->limit.Set(static_cast<uint64_t>(limit_.value()));
}

void Admission::OnTimeout(const Ticket& ticket, int64_t sent_ns, int64_t now_ns) {
  if (ticket.state != Ticket::State::kUnary) return;
  limit_.OnTimeout(&ticket.method->latency, sent_ns, now_ns);
  stats_->limit.Set(static_cast<uint64_t>(limit_.value()));
}

}  // namespace stratus::gateway::upstream
