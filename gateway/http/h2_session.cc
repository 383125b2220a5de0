#include "gateway/http/h2_session.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

namespace stratus::gateway::http {
namespace {

// Resets that a client sends or brings about, and heads that are too large: the figures of nghttp2's own limiter,
// halved so that ours answers first, with the error code that says what is wrong. A client that cancels everything it
// starts is cut off after kFaultBurst.
constexpr int64_t kFaultBurst = 500;
constexpr int64_t kFaultsPerSecond = 33;
// What frames cost beyond the payload that they carry: 2,000 frames without any at once, 1,000 a second.
constexpr int64_t kFrameBurst = 2000 * RateBudget::kFrame;
constexpr int64_t kFramesPerSecond = 1000 * RateBudget::kFrame;
// Bodies, or replies, of one connection that each have to keep the least rate.
constexpr size_t kDebtsMax = 8;
// Acknowledgements that may wait while the client does not read.
constexpr size_t kOutboundAcksMax = 100;

const nghttp2_option* Options() {
  static const nghttp2_option* const options = [] {
    nghttp2_option* made;
    if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
    nghttp2_option_set_no_auto_window_update(made, 1);
    nghttp2_option_set_no_closed_streams(made, 1);
    nghttp2_option_set_max_outbound_ack(made, kOutboundAcksMax);
    return made;
  }();
  return options;
}

}  // namespace

H2Session::H2Session(Connection* connection)
    : connection_(connection),
      faults_(kFaultBurst, RateBudget::PerTick(kFaultsPerSecond, connection->context().clock.period)),
      frames_(kFrameBurst, RateBudget::PerTick(kFramesPerSecond, connection->context().clock.period)) {
  const Limits& limits = connection->context().limits;
  nghttp2_session* session = nullptr;
  if (nghttp2_session_server_new3(&session, H2Callbacks(), this, Options(), connection->context().memory.nghttp2()) !=
      0) {
    throw std::bad_alloc();
  }
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams_per_connection_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.header_bytes_max},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  SetIdleTimeout();
}

H2Session::~H2Session() = default;

void H2Session::OnInput(std::string_view input) {
  frames_.Spend(static_cast<int64_t>(counter_.Count(input)) * RateBudget::kFrame);
  const ssize_t used =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(input.data()), input.size());
  // Only now: the payload that pays for the frames is known by then.
  if (used >= 0 && !frames_.spent()) return;
  if (used >= 0) return EndFlood();
  // What nghttp2 can put right by itself it answers with GOAWAY; the rest ends here. Our own callbacks fail for a
  // header block that is far too large.
  const bool flood = used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_CALLBACK_FAILURE;
  if (flood) ListenerStats::Add(connection_->context().stats.connections_flooded);
  Terminate(flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
  Pump();
  connection_->CloseAfterFlush();
}

void H2Session::EndFlood() {
  if (std::exchange(flooded_, true)) return;
  ListenerStats::Add(connection_->context().stats.connections_flooded);
  Terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void H2Session::OnEnd() { connection_->Abort(); }

void H2Session::OnLost() {
  // nghttp2_session_del does not report the streams that it closes.
  while (!streams_.empty()) CloseStream(streams_.back().get());
}

void H2Session::Produce() {
  if (std::exchange(heads_pending_, false)) {
    for (const auto& stream : streams_) {
      if (stream->head_pending()) stream->SubmitHead();
    }
  }
  Pump();
  while (std::exchange(any_drained_, false)) {
    // By index and backwards: a handler may end its stream, which leaves the list no sooner than with the next Pump.
    for (size_t i = streams_.size(); i > 0; --i) streams_[i - 1]->TellDrained();
    Pump();
  }
  if (nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0) {
    connection_->CloseAfterFlush();
  }
}

void H2Session::Pump() {
  OutBuffer& out = connection_->out();
  while (!out_full()) {
    const uint8_t* bytes;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size < 0) return connection_->Abort();
    if (size == 0) break;
    out.buffer().Append({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
  }
  out.Commit();
}

void H2Session::OnReadTimeout() {
  // Either nothing is in flight, or a head has been coming for too long.
  Terminate(streams_.empty() ? NGHTTP2_NO_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
}

void H2Session::Terminate(uint32_t error_code) { nghttp2_session_terminate_session(session_.get(), error_code); }

void H2Session::OnTick(size_t acknowledged) {
  faults_.OnTick();
  frames_.OnTick();
  EndSlowBodies();
  EndSlowReaders(acknowledged);
  const TickClock& clock = connection_->context().clock;
  if (draining_ == Draining::kNoticed && clock.now > drain_tick_) {
    draining_ = Draining::kGoneAway;
    nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_.get()),
                          NGHTTP2_NO_ERROR, nullptr, 0);
    connection_->ScheduleFlush();
  }
  // A client may hold its window shut for as long as it may be idle: a gRPC client that is busy with a message does.
  if (clock.now <= clock.idle) return;
  for (const auto& stream : streams_) {
    if (!stream->stalled(clock.now - clock.idle)) continue;
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream->id(), NGHTTP2_CANCEL);
    connection_->ScheduleFlush();
  }
}

// In two steps, so that a request that is on its way is served: first "no new ones, please", with the next tick "none
// above this one".
void H2Session::Drain() {
  if (draining_ != Draining::kNo) return;
  draining_ = Draining::kNoticed;
  drain_tick_ = connection_->context().clock.now;
  nghttp2_submit_shutdown_notice(session_.get());
}

H2Stream* H2Session::OpenStream(int32_t id) {
  streams_.push_back(connection_->context().streams.Take());
  H2Stream* stream = streams_.back().get();
  stream->index = streams_.size() - 1;
  stream->Open(this, id);
  return stream;
}

void H2Session::RefuseStream(int32_t id) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
  OnFault();
}

void H2Session::CloseStream(H2Stream* stream) {
  nghttp2_session_set_stream_user_data(session_.get(), stream->id(), nullptr);
  const size_t at = stream->index;
  std::unique_ptr<H2Stream> closed = std::move(streams_[at]);
  if (at + 1 < streams_.size()) {
    streams_[at] = std::move(streams_.back());
    streams_[at]->index = at;
  }
  streams_.pop_back();
  closed->OnClose();
  connection_->context().streams.Give(std::move(closed));
  if (streams_.empty()) SetIdleTimeout();
}

void H2Session::SetIdleTimeout() { connection_->SetReadTimeout(connection_->context().clock.idle); }

// A block that stops in its middle holds up all else.
void H2Session::OnHeadersBegin() {
  block_bytes_ = 0;
  connection_->SetReadTimeout(connection_->context().clock.header);
}

void H2Session::OnHeadersEnd() {
  if (streams_.empty()) return SetIdleTimeout();
  connection_->SetReadTimeout(0);
}

// A few bytes of HPACK can name a large field again and again: the block is not decoded to its end.
bool H2Session::CountField(size_t bytes) {
  block_bytes_ += bytes + kFieldOverhead;
  return block_bytes_ <= size_t{2} * connection_->context().limits.header_bytes_max;
}

void H2Session::OnFault() {
  if (!faults_.Spend()) EndFlood();
}

size_t H2Session::held_bytes() const {
  size_t bytes = 0;
  for (const auto& stream : streams_) bytes += stream->held_bytes();
  return bytes;
}

// The rate is due for each body, up to kDebtsMax: who sends one quickly while the others stand still has to be quick
// enough for several.
void H2Session::EndSlowBodies() {
  const TickClock& clock = connection_->context().clock;
  const size_t moved = std::exchange(body_moved_, 0);
  const auto bodies = static_cast<size_t>(
      std::count_if(streams_.begin(), streams_.end(), [](const auto& s) { return s->owes_body(); }));
  if (bodies == 0) return body_floor_.Reset();
  if (body_floor_.Keep(clock.floor, moved, std::min(bodies, kDebtsMax))) return;
  body_floor_.Reset();
  EndSlowest([](const H2Stream& stream) { return stream.owes_body(); },
             [this](H2Stream* stream) {
               ListenerStats::Add(connection_->context().stats.slow_bodies);
               stream->EndSlowBody();
             });
}

// The same for whole replies that are not taken: by a window that stays shut, or a socket that stays full.
void H2Session::EndSlowReaders(size_t acknowledged) {
  const TickClock& clock = connection_->context().clock;
  const size_t moved = std::exchange(reply_moved_, 0) + acknowledged;
  const auto replies = static_cast<size_t>(
      std::count_if(streams_.begin(), streams_.end(), [](const auto& s) { return s->owes_reading(); }));
  // What is framed when the last stream has ended is owed, too.
  const bool rest = streams_.empty() && connection_->out().backlog() > 0;
  if (replies == 0 && !rest) return reply_floor_.Reset();
  if (reply_floor_.Keep(clock.floor, moved, std::clamp<size_t>(replies, 1, kDebtsMax))) return;
  reply_floor_.Reset();
  if (connection_->out().backlog() > 0) {
    // Not even a reset would get through.
    ListenerStats::Add(connection_->context().stats.slow_readers);
    return connection_->Cut();
  }
  EndSlowest([](const H2Stream& stream) { return stream.owes_reading(); },
             [this](H2Stream* stream) {
               ListenerStats::Add(connection_->context().stats.slow_readers);
               stream->EndSlowReader();
             });
}

// All whose last progress is as old as the grace, or else the one whose is the oldest.
template <typename Owes, typename End>
void H2Session::EndSlowest(Owes owes, End end) {
  const TickClock& clock = connection_->context().clock;
  uint64_t oldest = clock.now;
  for (const auto& stream : streams_) {
    if (owes(*stream)) oldest = std::min(oldest, stream->progress_tick());
  }
  const auto grace = static_cast<uint64_t>(clock.floor.ticks);
  const uint64_t line = std::max(oldest, clock.now - std::min(clock.now, grace));
  // By index and backwards: a stream leaves the list no sooner than with the next Pump.
  for (size_t i = streams_.size(); i > 0; --i) {
    H2Stream* const stream = streams_[i - 1].get();
    if (owes(*stream) && stream->progress_tick() <= line) end(stream);
  }
  connection_->ScheduleFlush();
}

}  // namespace stratus::gateway::http
