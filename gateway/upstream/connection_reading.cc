// Connection's reading half: what the server sends, and what becomes of the calls it is about.
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/upstream/connection.h"
#include "gateway/upstream/grpc_wire.h"

namespace stratus::gateway::upstream {

void Connection::StartRead() {
  if (!closed_) transport_->Read(read_buffer_.get(), kReadBytes);
}

void Connection::OnRead(ssize_t result) {
  const std::shared_ptr<Connection> self = shared_from_this();  // Close may drop the last other reference
  if (Took(result)) ReadOn();
}

bool Connection::Took(ssize_t result) {
  if (result > 0) {
    Receive(static_cast<size_t>(result));
  } else {
    CloseBroken(result);
  }
  return !closed_;
}

void Connection::ReadOn() {
  if (std::exchange(pause_reading_, false)) {
    const int64_t interval = absl::ToInt64Nanoseconds(options_.batch_interval);
    timers_->Arm(&resume_reading_, (TimerQueue::Now() / interval + 1) * interval);
  } else {
    WakeAt(1);
    StartRead();
  }
}

// What has come since the last read of messages.
void Connection::ReadBatch() {
  const std::shared_ptr<Connection> self = shared_from_this();
  bool any = false;
  for (int reads = 0; reads < kBatchReadsMax; ++reads) {
    const ssize_t result = transport_->TryRead(read_buffer_.get(), kReadBytes);
    if (result == -EAGAIN) break;
    if (!Took(result)) return;
    any = true;
  }
  // While messages keep coming, their arrival alone must not wake the loop.
  if (any && pause_reading_) WakeAt(kReadBytes);
  ReadOn();
}

void Connection::WakeAt(size_t bytes) {
  if (std::exchange(wake_at_, bytes) != bytes) transport_->WakeAt(bytes);
}

void Connection::Receive(size_t bytes) {
  heard_ = true;
  in_session_ = true;
  const ssize_t taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(read_buffer_.get()), bytes);
  // The connection's window always gets its credit back at once, so that one slow call cannot hold up the others: what
  // a call may pile up is bounded by its own window.
  if (received_uncredited_ > 0) nghttp2_session_consume_connection(session_, received_uncredited_);
  received_uncredited_ = 0;
  in_session_ = false;
  if (taken < 0) {
    Close(absl::UnavailableError(absl::StrCat("the upstream ", options_.name, " does not speak HTTP/2 as it should: ",
                                              nghttp2_strerror(static_cast<int>(taken)))));
    return;
  }
  Flush();
  if (!closed_) CloseIfIdle();
}

void Connection::OnFrame(const nghttp2_frame* frame) {
  const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      pings_ = 0;
      if (ClientCall* call = CallOf(session_, frame->hd.stream_id)) OnHeaders(call, end_stream);
      break;
    case NGHTTP2_DATA:
      pings_ = 0;
      if (!end_stream) break;
      if (ClientCall* call = CallOf(session_, frame->hd.stream_id); call != nullptr && !call->settled()) {
        CountFailure();
        call->End(absl::UnknownError("the upstream ended the call without trailers"));
      }
      break;
    case NGHTTP2_SETTINGS:
      streams_max_ = nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
      owner_->OnCapacity();
      break;
    case NGHTTP2_GOAWAY: StartDraining(); break;
    case NGHTTP2_PING:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && std::exchange(ping_pending_, false)) {
        timers_->Arm(&keepalive_, TimerQueue::Now() + absl::ToInt64Nanoseconds(options_.keepalive_interval));
      }
      break;
    default: break;
  }
}

void Connection::OnHeaders(ClientCall* call, bool end_stream) {
  if (call->settled()) return;
  call->MarkReceived();
  if (!call->pinned) load_->timeouts = 0;
  if (!call->head_received) {
    OnHead(call, end_stream);
  } else if (end_stream) {
    const absl::Span<const http::Header> trailers = call->Headers();
    Conclude(call, StatusOfTrailers(trailers), trailers);
  }
  // The server has answered before it took the whole request: the rest is of no use to it.
  if (end_stream && call->connection == this &&
      nghttp2_session_get_stream_local_close(session_, call->stream_id) == 0) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call->stream_id, NGHTTP2_NO_ERROR);
  }
}

void Connection::OnHead(ClientCall* call, bool end_stream) {
  if (call->http_status() / 100 == 1) {
    call->ClearHeaders();
    return;
  }
  const bool has_verdict = end_stream && call->has_grpc_status();
  if (has_verdict || (call->http_status() == 200 && call->grpc_content_type())) {
    const absl::Span<const http::Header> headers = call->Headers();
    if (end_stream) {
      Conclude(call, StatusOfTrailers(headers), headers);
    } else {
      call->head_received = true;
      call->observer()->OnHead(headers);
      call->ClearHeaders();
    }
    return;
  }
  absl::Status status = call->http_status() == 200
                            ? absl::UnknownError("the upstream answered with a content-type that is not gRPC's")
                            : StatusOfHttp(call->http_status());
  if (!end_stream) Cancel(call);
  if (status.code() == absl::StatusCode::kUnavailable) {
    Conclude(call, status, {});
    return;
  }
  CountFailure();
  call->End(status);
}

// The server has said how the call ended.
void Connection::Conclude(ClientCall* call, const absl::Status& status, absl::Span<const http::Header> trailers) {
  if (status.code() != absl::StatusCode::kUnavailable) {
    load_->failures = 0;
    call_owner_->OnAnswer(call, status);
  } else {
    CountFailure();
    if (call_owner_->MayRetry(call, trailers)) {
      call->retry_pending = true;
      call->failure = status;
      return;
    }
  }
  call->End(status, trailers);
}

void Connection::CountFailure() {
  ++load_->failures;
  owner_->OnFailure();
}

void Connection::OnDataChunk(ClientCall* call, std::string_view piece) {
  received_uncredited_ += piece.size();
  if (call == nullptr || call->settled()) return;
  pause_reading_ |= call->batch_reads();
  call->observer()->OnData(piece);
}

void Connection::OnStreamClose(ClientCall* call, uint32_t error_code) {
  Remove(call);
  if (!call->done() && call->retry_pending) {
    call_owner_->Retry(call);
    owner_->OnCapacity();
    return;
  }
  const bool refused = !call->done() && error_code == NGHTTP2_REFUSED_STREAM;
  // A server on its way out refuses what it has not begun: no fault of it.
  if (refused && !draining_) CountFailure();
  if (refused && call->CanMove()) {
    call_owner_->Move(call, draining_ ? RetryReason::kGoAway : RetryReason::kRefused);
    return;
  }
  if (!call->done()) {
    if (!refused && error_code != NGHTTP2_CANCEL) CountFailure();
    // In order with the call not ended: the server half-closed without HEADERS or DATA.
    call->End(error_code == NGHTTP2_NO_ERROR ? absl::UnknownError("the upstream ended the call without trailers")
                                             : StatusOfReset(error_code, call->DeadlinePassed()));
  }
  call_owner_->Release(call);
  owner_->OnCapacity();
}

}  // namespace stratus::gateway::upstream
