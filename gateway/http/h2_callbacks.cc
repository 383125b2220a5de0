// Where nghttp2 calls into the session.
#include <new>

#include "gateway/http/h2_session.h"

namespace stratus::gateway::http {
namespace {

H2Session* SessionOf(void* user_data) { return static_cast<H2Session*>(user_data); }

H2Stream* StreamOf(nghttp2_session* session, int32_t id) {
  return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
}

std::string_view View(const uint8_t* bytes, size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

bool IsRequestHead(const nghttp2_frame* frame) {
  return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

int OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
  SessionOf(user_data)->OnHeadersBegin();
  if (!IsRequestHead(frame)) return 0;
  if (SessionOf(user_data)->takes_nothing()) {
    SessionOf(user_data)->RefuseStream(frame->hd.stream_id);
    return 0;
  }
  // A request pays for its frame.
  SessionOf(user_data)->OnPayload(RateBudget::kFrame);
  H2Stream* stream = SessionOf(user_data)->OpenStream(frame->hd.stream_id);
  nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
  return 0;
}

int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
             const uint8_t* value, size_t value_size, uint8_t, void* user_data) {
  if (!SessionOf(user_data)->CountField(name_size + value_size)) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (!IsRequestHead(frame)) return 0;  // request trailers are ignored
  if (H2Stream* stream = StreamOf(session, frame->hd.stream_id)) {
    stream->AddField(View(name, name_size), View(value, value_size));
  }
  return 0;
}

int OnInvalidHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t*, size_t name_size,
                    const uint8_t*, size_t value_size, uint8_t, void* user_data) {
  if (!SessionOf(user_data)->CountField(name_size + value_size)) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (!IsRequestHead(frame)) return 0;
  if (H2Stream* stream = StreamOf(session, frame->hd.stream_id)) stream->SetMalformed();
  return 0;
}

int OnFrameRecv(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    SessionOf(user_data)->OnFault();
    return 0;
  }
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS) SessionOf(user_data)->OnHeadersEnd();
  H2Stream* stream = StreamOf(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (IsRequestHead(frame)) {
    stream->OnHead(!end);
  } else if (end) {
    stream->OnRequestEnd();
  }
  return 0;
}

// What breaks the protocol on one stream. A stream over their number is refused; the other resets are counted when they
// are sent.
int OnInvalidFrame(nghttp2_session*, const nghttp2_frame* frame, int error, void* user_data) {
  if (frame->hd.type == NGHTTP2_HEADERS) SessionOf(user_data)->OnHeadersEnd();
  if (error == NGHTTP2_ERR_REFUSED_STREAM) SessionOf(user_data)->OnFault();
  return 0;
}

int OnDataChunk(nghttp2_session* session, uint8_t, int32_t stream_id, const uint8_t* data, size_t size,
                void* user_data) {
  if (H2Stream* stream = StreamOf(session, stream_id)) {
    SessionOf(user_data)->OnPayload(size);
    stream->OnData(View(data, size));
  } else {
    nghttp2_session_consume(session, stream_id, size);
  }
  return 0;
}

int OnStreamClose(nghttp2_session* session, int32_t stream_id, uint32_t, void* user_data) {
  if (H2Stream* stream = StreamOf(session, stream_id)) SessionOf(user_data)->CloseStream(stream);
  return 0;
}

int OnSendData(nghttp2_session*, nghttp2_frame*, const uint8_t* frame_header, size_t size, nghttp2_data_source* source,
               void* user_data) {
  H2Session* session = SessionOf(user_data);
  if (session->out_full()) return NGHTTP2_ERR_WOULDBLOCK;
  constexpr size_t kFrameHeader = 9;
  Buffer& out = session->connection().out().buffer();
  out.Append(View(frame_header, kFrameHeader));
  static_cast<H2Stream*>(source->ptr)->TakeData(size, &out);
  session->OnDataSent();
  return 0;
}

// Whether a reset of ours answers a fault of the client.
bool AnswersFault(uint32_t error_code) {
  switch (error_code) {
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_STREAM_CLOSED:
    case NGHTTP2_FRAME_SIZE_ERROR:
    case NGHTTP2_COMPRESSION_ERROR: return true;
    default: return false;
  }
}

// A response that is complete before its request is: the client need not send the rest (RFC 9113, 8.1).
int OnFrameSend(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
  if (frame->hd.type == NGHTTP2_RST_STREAM && AnswersFault(frame->rst_stream.error_code)) {
    SessionOf(user_data)->OnFault();
  }
  const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
      nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

nghttp2_session_callbacks* MakeCallbacks() {
  nghttp2_session_callbacks* callbacks;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, OnInvalidFrame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, OnInvalidHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrameRecv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnDataChunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnStreamClose);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, OnSendData);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, OnFrameSend);
  return callbacks;
}

}  // namespace

const nghttp2_session_callbacks* H2Callbacks() {
  static const nghttp2_session_callbacks* const callbacks = MakeCallbacks();  // lives for ever
  return callbacks;
}

}  // namespace stratus::gateway::http
