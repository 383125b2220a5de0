#include "gateway/http/connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "gateway/http/h1_session.h"
#include "gateway/http/h2_session.h"
#include "gateway/loop/memory_budget.h"

namespace stratus::gateway::http {
namespace {

// As much of HTTP/2's connection preface as no HTTP/1 request can begin with. nghttp2 checks the rest.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";

}  // namespace

Connection::Connection(Context* context, ConnectionOwner* owner, TransportPtr transport, std::string peer)
    : context_(context),
      owner_(owner),
      transport_(std::move(transport)),
      out_(&context->buffers),
      peer_(std::move(peer)),
      last_input_(++context->inputs),
      secure_(transport_->secure()) {
  transport_->SetEvents(this);
  MemoryBudget::Take(OwnBytes(secure_));
}

Connection::~Connection() {
  state_ = State::kClosed;
  if (session_ != nullptr) session_->OnLost();
  MemoryBudget::Give(OwnBytes(secure_));
}

void Connection::Start() {
  SetReadTimeout(context_->clock.header);
  StartRead();
}

void Connection::StartRead() {
  if (reading_ || state_ == State::kClosed || state_ == State::kFlushing) return;
  if (state_ == State::kOpen && session_ != nullptr && !session_->wants_input()) return;
  reading_ = true;
  transport_->Read(input_.data(), input_.size());
}

void Connection::OnRead(ssize_t result) {
  reading_ = false;
  if (state_ == State::kLingering) return Discard(result);
  if (state_ != State::kOpen) return;
  if (result <= 0) return ReadEnded(result);
  last_input_ = ++context_->inputs;
  moved_ += static_cast<size_t>(result);
  in_input_ = true;
  Take({input_.data(), static_cast<size_t>(result)});
  if (static_cast<size_t>(result) == input_.size()) TakeBulk();
  in_input_ = false;
  Flush();
  StartRead();
}

// The small buffer was full: more is waiting, most likely.
void Connection::TakeBulk() {
  size_t taken = 0;
  while (taken < kInputPerTurnMax && state_ == State::kOpen && (session_ == nullptr || session_->wants_input())) {
    const ssize_t got = transport_->TryRead(context_->scratch.get(), Context::kScratchBytes);
    // An end or an error comes again with the next Read.
    if (got <= 0) return;
    moved_ += static_cast<size_t>(got);
    Take({context_->scratch.get(), static_cast<size_t>(got)});
    if (static_cast<size_t>(got) < Context::kScratchBytes) return;
    taken += static_cast<size_t>(got);
  }
}

void Connection::Take(std::string_view input) {
  if (state_ != State::kOpen) return;
  if (session_ == nullptr) return Detect(input);
  session_->OnInput(input);
}

void Connection::Detect(std::string_view input) {
  if (!transport_->application_protocol().empty()) {
    return StartSession(transport_->application_protocol() == "h2", input);
  }
  if (preface_.empty() && (input.size() >= kPreface.size() || !kPreface.starts_with(input))) {
    return StartSession(input.starts_with(kPreface), input);
  }
  preface_.append(input);
  const std::string_view start = std::string_view(preface_).substr(0, kPreface.size());
  if (start.size() < kPreface.size() && kPreface.starts_with(start)) return;
  StartSession(start == kPreface, std::exchange(preface_, {}));
}

void Connection::StartSession(bool http2, std::string_view input) {
  if (http2) {
    session_ = std::make_unique<H2Session>(this);
  } else {
    session_ = std::make_unique<H1Session>(this);
  }
  session_->OnInput(input);
  if (draining_ && state_ == State::kOpen) session_->Drain();
}

void Connection::ReadEnded(ssize_t result) {
  if (result < 0) return Abort();
  if (session_ == nullptr) return Abort();
  session_->OnEnd();
  Flush();
}

void Connection::Flush() {
  if (flushing_ || in_input_ || state_ == State::kClosed || state_ == State::kLingering) return;
  flushing_ = true;
  while (true) {
    if (session_ != nullptr) session_->Produce();
    if (blocked_ || !WriteOnce()) break;
  }
  flushing_ = false;
  if (state_ == State::kFlushing && out_.pending().empty()) OnAllSent();
}

bool Connection::WriteOnce() {
  const std::string_view pending = out_.pending();
  if (pending.empty() || state_ == State::kClosed) return false;
  const ssize_t sent = transport_->TryWrite(pending);
  if (sent < 0 && sent != -EAGAIN) {
    Abort();
    return false;
  }
  const bool all = sent == static_cast<ssize_t>(pending.size());
  if (!all) {
    blocked_ = true;
    transport_->AwaitWritable();
  }
  if (sent > 0 || write_deadline_ == kNever) write_deadline_ = context_->clock.now + context_->clock.stall;
  if (all) write_deadline_ = kNever;
  if (sent > 0) {
    wrote_ = true;
    sent_ += sent;
    moved_ += static_cast<size_t>(sent);
    const size_t shift = out_.Sent(static_cast<size_t>(sent));
    if (session_ != nullptr) session_->OnSent(shift);
  }
  return all;
}

void Connection::OnWritable() {
  blocked_ = false;
  Flush();
  StartRead();
}

void Connection::ScheduleFlush() {
  if (in_input_ || blocked_ || state_ == State::kClosed) return;
  context_->deferred.Add(this);
}

void Connection::ScheduleResume() {
  resume_ = true;
  if (state_ != State::kClosed) context_->deferred.Add(this);
}

void Connection::RunDeferred() {
  if (state_ == State::kClosed) return owner_->OnConnectionClosed(this);
  if (std::exchange(resume_, false) && state_ == State::kOpen && session_ != nullptr) {
    in_input_ = true;
    session_->OnResume();
    in_input_ = false;
  }
  Flush();
  StartRead();
}

void Connection::CloseAfterFlush() {
  if (state_ != State::kOpen) return;
  state_ = State::kFlushing;
  read_deadline_ = kNever;
  context_->deferred.Add(this);
}

void Connection::ResetAfterFlush() {
  reset_ = true;
  CloseAfterFlush();
}

void Connection::OnAllSent() {
  if (session_ != nullptr) session_->OnLost();
  if (reset_) {
    transport_->ResetOnDispose();
    return Abort();
  }
  transport_->ShutdownWrite();
  state_ = State::kLingering;
  SetReadTimeout(context_->clock.linger);
  StartRead();
}

void Connection::Discard(ssize_t result) {
  if (result <= 0) return Abort();
  lingered_ += static_cast<size_t>(result);
  if (lingered_ > kLingerBytesMax) return Abort();
  StartRead();
}

void Connection::Abort() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  // The handlers hear of it from there: they may be on the stack right now.
  context_->deferred.Add(this);
}

void Connection::Drain() {
  draining_ = true;
  if (state_ != State::kOpen) return;
  if (session_ == nullptr) {
    // Accepted a moment ago, most likely: its request may be here already, and is answered.
    SetReadTimeout(kDrainTicks);
    return;
  }
  session_->Drain();
  Flush();
}

void Connection::Cut() {
  transport_->ResetOnDispose();
  Abort();
}

bool Connection::idle() const {
  if (state_ == State::kLingering) return true;
  return state_ == State::kOpen && out_.backlog() == 0 && (session_ == nullptr || session_->idle());
}

size_t Connection::held_bytes() const { return out_.held_bytes() + (session_ == nullptr ? 0 : session_->held_bytes()); }

bool Connection::HasRoom(size_t more) {
  const size_t budget = MemoryBudget::bytes();
  const size_t configured = context_->limits.connection_memory_bytes_max;
  const size_t share = configured == 0 ? budget / kShares : configured;
  // While all hold less than the share of one, none of them can have more.
  if (more <= share && MemoryBudget::used() <= share - more) return true;
  if (MemoryBudget::Strained()) owner_->OnMemoryShort();
  if (MemoryBudget::HasRoom(more) && held_bytes() + more <= share) return true;
  ListenerStats::Add(context_->stats.memory_refused);
  return false;
}

size_t Connection::TakeAcknowledged() {
  const int64_t before = acknowledged_;
  // With TLS more bytes are on their way than were written: that must not count as a step back.
  acknowledged_ = std::max(before, sent_ - transport_->Unacknowledged());
  return static_cast<size_t>(acknowledged_ - before);
}

void Connection::OnTick() {
  const uint64_t now = context_->clock.now;
  rate_ = (rate_ + static_cast<double>(std::exchange(moved_, 0))) / 2;
  // A slow peer takes what its system has buffered piece by piece: the socket alone has room only now and then.
  const size_t acknowledged = blocked_ ? TakeAcknowledged() : 0;
  taking_ = std::exchange(wrote_, false) || acknowledged > 0 || !blocked_;
  if (acknowledged > 0 && write_deadline_ != kNever) write_deadline_ = now + context_->clock.stall;
  if (now >= write_deadline_) return Cut();
  if (state_ == State::kFlushing && !last_floor_.Keep(context_->clock.floor, acknowledged)) {
    ListenerStats::Add(context_->stats.slow_readers);
    return Cut();
  }
  if (now >= read_deadline_) {
    if (state_ != State::kOpen || session_ == nullptr) return Abort();
    read_deadline_ = kNever;
    session_->OnReadTimeout();
    Flush();
  }
  if (state_ == State::kOpen && session_ != nullptr) session_->OnTick(acknowledged);
}

}  // namespace stratus::gateway::http
