#include "gateway/upstream/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gateway/upstream/call_fields.h"
#include "gateway/upstream/grpc_wire.h"

namespace stratus::gateway::upstream {

// The session's C callbacks, each a line into the Connection.
struct Connection::Callbacks {
  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name, nghttp2_rcbuf* value,
                      uint8_t, void*) {
    ClientCall* call = CallOf(session, frame->hd.stream_id);
    if (call == nullptr || call->settled()) return 0;
    return call->AddHeader(name, value) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int OnFrameRecv(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    static_cast<Connection*>(self)->OnFrame(frame);
    return 0;
  }

  static int OnDataChunk(nghttp2_session* session, uint8_t, int32_t stream_id, const uint8_t* data, size_t size,
                         void* self) {
    static_cast<Connection*>(self)->OnDataChunk(CallOf(session, stream_id),
                                                {reinterpret_cast<const char*>(data), size});
    return 0;
  }

  static int OnStreamClose(nghttp2_session* session, int32_t stream_id, uint32_t error_code, void* self) {
    ClientCall* call = CallOf(session, stream_id);
    if (call != nullptr) static_cast<Connection*>(self)->OnStreamClose(call, error_code);
    return 0;
  }

  static int OnFrameSend(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (ClientCall* call = CallOf(session, frame->hd.stream_id)) call->head_sent = true;
    return 0;
  }

  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* out, size_t room, uint32_t* flags,
                          nghttp2_data_source* source, void*) {
    return static_cast<ClientCall*>(source->ptr)->ReadBody(out, room, flags);
  }

  static nghttp2_session* NewSession(Connection* self, nghttp2_mem* memory) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrameRecv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnDataChunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnStreamClose);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, OnFrameSend);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);  // credit follows ClientCall::Consumed
    // gRPC servers leave spaces at the ends of grpc-message as they are; a status must not be lost for that.
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, static_cast<uint32_t>(self->streams_max_));
    nghttp2_session* session = nullptr;
    nghttp2_session_client_new3(&session, callbacks, self, option, memory);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session;
  }
};

Connection::Connection(http::TransportPtr transport, ConnectionOptions options, const Surroundings& around)
    : io_(around.io),
      transport_(std::move(transport)),
      timers_(around.timers),
      options_(std::move(options)),
      load_(around.load),
      stats_(around.stats),
      call_owner_(around.calls),
      owner_(around.owner),
      read_buffer_(new char[kReadBytes]),
      resume_reading_([](void* self) { static_cast<Connection*>(self)->ReadBatch(); }, this),
      keepalive_([](void* self) { static_cast<Connection*>(self)->OnKeepalive(); }, this) {
  session_ = Callbacks::NewSession(this, around.memory);
  transport_->SetEvents(this);
  stats_->connections.Add();
}

Connection::~Connection() {
  if (session_ != nullptr) nghttp2_session_del(session_);
}

void Connection::Begin() {
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  ScheduleFlush();
  StartRead();
}

bool Connection::Submit(ClientCall* call) {
  const absl::Span<const nghttp2_nv> head = call->RequestHeaders();
  nghttp2_data_provider body;
  body.source.ptr = call;
  body.read_callback = Callbacks::ReadBody;
  const int32_t id = nghttp2_submit_request(session_, nullptr, head.data(), head.size(), &body, call);
  if (id < 0) {
    StartDraining();
    return false;
  }
  call->stream_id = id;
  call->connection = this;
  call->index = calls_.size();
  calls_.push_back(call);
  ++load_->streams;
  stats_->streams.Add();
  if (!keepalive_.armed() && options_.keepalive_interval > absl::ZeroDuration()) {
    heard_ = false;
    timers_->Arm(&keepalive_, call->sent_ns() + absl::ToInt64Nanoseconds(options_.keepalive_interval));
  }
  ScheduleFlush();
  return true;
}

void Connection::Remove(ClientCall* call) {
  ClientCall* last = calls_.back();
  calls_[call->index] = last;
  last->index = call->index;
  calls_.pop_back();
  call->connection = nullptr;
  --load_->streams;
  stats_->streams.Sub();
}

void Connection::BodyReady(ClientCall* call) {
  if (call->deferred) {
    call->deferred = false;
    nghttp2_session_resume_data(session_, call->stream_id);
  }
  ScheduleFlush();
}

void Connection::Consume(ClientCall* call, size_t bytes) {
  nghttp2_session_consume_stream(session_, call->stream_id, bytes);
  ScheduleFlush();
}

void Connection::OnDeadline(ClientCall* call) {
  const int64_t waited = TimerQueue::Now() - call->sent_ns();
  if (!call->streaming() && !call->waits() && !call->pinned && !call->received() && !call->deferred) {
    call_owner_->OnTimeout(call);
    if (waited >= absl::ToInt64Nanoseconds(options_.timeout_min)) {
      ++load_->timeouts;
      owner_->OnFailure();
    }
  }
  Cancel(call);
}

void Connection::Cancel(ClientCall* call) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call->stream_id, NGHTTP2_CANCEL);
  ScheduleFlush();
}

// --- Writing.

void Connection::ScheduleFlush() {
  if (flush_scheduled_ || in_session_ || closed_) return;
  flush_scheduled_ = true;
  // Behind the handlers that are ready now, so that one write takes what all of them submit.
  boost::asio::post(io_, PooledHandler(&flush_memory_, [self = shared_from_this()] {
                      self->flush_scheduled_ = false;
                      if (self->closed_) return;
                      self->Flush();
                      if (!self->closed_) self->CloseIfIdle();
                    }));
}

void Connection::Flush() {
  if (waiting_writable_) return;
  do {
    if (!WritePending()) return;
  } while (Collect());
}

void Connection::Append(std::string_view frame) {
  const ClientCall* const call = EndsHeaderBlock(frame) ? CallOf(session_, StreamOf(frame)) : nullptr;
  if (call == nullptr) {
    out_.Append(frame);
  } else {
    AppendHeaderBlockEnd(frame, call->CallFields(), &out_);
  }
}

// Moves frames into the output buffer; false when there are none.
bool Connection::Collect() {
  in_session_ = true;
  ssize_t size = 0;
  while (out_.size() < kWriteBytes) {
    const uint8_t* frame = nullptr;
    size = nghttp2_session_mem_send(session_, &frame);
    if (size <= 0) break;
    Append({reinterpret_cast<const char*>(frame), static_cast<size_t>(size)});
  }
  in_session_ = false;
  if (size < 0) {
    Close(absl::InternalError(
        absl::StrCat("HTTP/2 to the upstream ", options_.name, ": ", nghttp2_strerror(static_cast<int>(size)))));
    return false;
  }
  return !out_.empty();
}

// Writes what was collected; false when the socket takes no more for now or is closed.
bool Connection::WritePending() {
  while (out_sent_ < out_.size()) {
    const ssize_t sent = transport_->TryWrite(out_.view().substr(out_sent_));
    if (sent == -EAGAIN) {
      waiting_writable_ = true;
      transport_->AwaitWritable();
      return false;
    }
    if (sent < 0) {
      CloseBroken(sent);
      return false;
    }
    out_sent_ += static_cast<size_t>(sent);
  }
  out_.Clear();
  out_sent_ = 0;
  return true;
}

void Connection::OnWritable() {
  const std::shared_ptr<Connection> self = shared_from_this();
  waiting_writable_ = false;
  Flush();
  if (!closed_) CloseIfIdle();
}

// --- The end.

void Connection::StartDraining() {
  if (draining_) return;
  draining_ = true;
  owner_->OnDraining(this);
}

void Connection::Drain() {
  if (closed_) return;
  StartDraining();
  ScheduleFlush();  // which closes it when it is idle
}

void Connection::CloseIfIdle() {
  const bool finished = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  if (finished || (draining_ && calls_.empty())) {
    Close(absl::UnavailableError(absl::StrCat("the upstream ", options_.name, " closed the connection")));
  }
}

void Connection::Close(const absl::Status& status) {
  if (closed_) return;
  const std::shared_ptr<Connection> self = shared_from_this();  // the owner may drop the last other reference
  closed_ = true;
  resume_reading_.Disarm();
  keepalive_.Disarm();
  transport_.reset();
  if (!draining_) {
    draining_ = true;
    owner_->OnDraining(this);
  }
  stats_->connections.Sub();
  FailCalls(status);
  DeleteSession();
  owner_->OnClosed(this);
}

void Connection::CloseBroken(ssize_t result) {
  const std::string reason = result == 0 ? "closed by it" : std::generic_category().message(static_cast<int>(-result));
  Close(absl::UnavailableError(absl::StrCat("the connection to the upstream ", options_.name, " broke: ", reason)));
}

// Not left to the destructor: a handler that still waits in the loop may keep this object longer than the memory pool
// lives.
void Connection::DeleteSession() {
  nghttp2_session_del(session_);
  session_ = nullptr;
}

void Connection::FailCalls(const absl::Status& status) {
  if (!calls_.empty()) CountFailure();  // once, however many calls were on it
  // nghttp2_session_del reports no streams, so the calls are let go of here.
  while (!calls_.empty()) {
    ClientCall* call = calls_.back();
    Remove(call);
    if (!call->head_sent && call->CanMove()) {
      call_owner_->Move(call, RetryReason::kUnsent);
      continue;
    }
    const bool unavailable = status.code() == absl::StatusCode::kUnavailable;
    if (!call->done() && (call->retry_pending || (unavailable && call_owner_->MayRetry(call, {})))) {
      if (!call->retry_pending) call->failure = status;
      call_owner_->Retry(call);
      continue;
    }
    call->End(status);
    call_owner_->Release(call);
  }
}

void Connection::Shutdown() {
  if (closed_) return;
  closed_ = draining_ = true;
  stats_->connections.Sub();
  resume_reading_.Disarm();
  keepalive_.Disarm();
  transport_.reset();
  while (!calls_.empty()) {
    ClientCall* call = calls_.back();
    Remove(call);
    call_owner_->Release(call);
  }
  DeleteSession();
}

bool Connection::MayPing() const { return pings_ < kPingsMax || TimerQueue::Now() - pinged_ns_ >= kPingPauseNs; }

void Connection::OnKeepalive() {
  if (ping_pending_ && !heard_) {
    const std::shared_ptr<Connection> self = shared_from_this();
    stats_->unresponsive.Add();
    owner_->OnUnresponsive();  // first, so that what is made again goes elsewhere
    Close(absl::UnavailableError(absl::StrCat("the upstream ", options_.name, " does not answer PINGs")));
    return;
  }
  ping_pending_ = false;
  absl::Duration next = options_.keepalive_interval;
  if (calls_.empty()) return;  // the next one arms it again
  if (!heard_ && MayPing()) {
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    ping_pending_ = true;
    ++pings_;
    pinged_ns_ = TimerQueue::Now();
    next = options_.keepalive_timeout;
    ScheduleFlush();
  }
  heard_ = false;
  timers_->Arm(&keepalive_, TimerQueue::Now() + absl::ToInt64Nanoseconds(next));
}

}  // namespace stratus::gateway::upstream
