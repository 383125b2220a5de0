#include "gateway/http/h2_session.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

namespace stratus::gateway::http {
namespace {

// Resets a client may send: the figures of nghttp2's own limiter, halved so that ours answers first, with the error
// code that says what is wrong. A client that cancels everything it starts is cut off after kResetBurst.
constexpr int64_t kResetBurst = 500;
constexpr int64_t kResetsPerSecond = 33;
// Frames without content (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA). Frames that carry something,
// either way, earn one each: a window update for each DATA frame is fair.
constexpr int64_t kFrameBurst = 2000;
constexpr int64_t kFramesPerSecond = 200;
// Acknowledgements that may wait while the client does not read.
constexpr size_t kOutboundAcksMax = 100;

int64_t PerTick(int64_t per_second, absl::Duration period) {
  return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(per_second) * absl::ToDoubleSeconds(period)));
}

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
      resets_(kResetBurst, PerTick(kResetsPerSecond, connection->context().clock.period)),
      frames_(kFrameBurst, PerTick(kFramesPerSecond, connection->context().clock.period)) {
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
  const ssize_t used =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(input.data()), input.size());
  if (used >= 0) return;
  // What nghttp2 can put right by itself it answers with GOAWAY; the rest ends here.
  Terminate(used == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
  Pump();
  connection_->CloseAfterFlush();
}

void H2Session::OnEnd() { connection_->Abort(); }

void H2Session::OnLost() {
  // nghttp2_session_del does not report the streams that it closes.
  while (!streams_.empty()) CloseStream(streams_.back().get());
}

bool H2Session::wants_input() const { return !out_full(); }

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

void H2Session::OnTick() {
  resets_.OnTick();
  frames_.OnTick();
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
  // Until the head is complete.
  connection_->SetReadTimeout(connection_->context().clock.header);
  return stream;
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

void H2Session::OnHeadersEnd() { connection_->SetReadTimeout(0); }

void H2Session::OnFrameBegin(const nghttp2_frame_hd& header) {
  const bool carries = header.type == NGHTTP2_HEADERS || (header.type == NGHTTP2_DATA && header.length > 0);
  if (carries) {
    frames_.Refill(1);
  } else if (!frames_.Spend()) {
    Terminate(NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

void H2Session::OnReset() {
  if (!resets_.Spend()) Terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

}  // namespace stratus::gateway::http
