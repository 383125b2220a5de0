// One call and its bytes, from Start to the closing of its stream. Internal to this folder: callers see Call.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gateway/transcode/buffer.h"
#include "gateway/upstream/timer_queue.h"
#include "gateway/upstream/upstream.h"

namespace stratus::gateway::upstream {

class Connection;

// The pool that a call came from takes it back.
class CallOwner {
 public:
  // The call has ended and nothing refers to it any more.
  virtual void Release(class ClientCall* call) = 0;

 protected:
  ~CallOwner() = default;
};

class ClientCall final : public Call {
 public:
  explicit ClientCall(TimerQueue* timers);
  ~ClientCall();

  // Copies what Start was given.
  void Prepare(const CallHead& head, CallObserver* observer);
  // Back to an empty call for reuse; keeps its memory up to a limit.
  void Reset();

  // Call
  void Send(std::string_view bytes, bool last) override;
  size_t unsent() const override { return request_.size() - sent_; }
  void Consumed(size_t bytes) override;
  void Cancel() override;

  // --- For Connection and Pool.
  bool done() const { return observer_ == nullptr; }
  bool streaming() const { return streaming_; }
  bool batch_reads() const { return batch_reads_; }
  CallObserver* observer() const { return observer_; }

  // The head as nghttp2 wants it, with the time that is left as grpc-timeout. Valid until Reset.
  absl::Span<const nghttp2_nv> RequestHeaders();
  // Copies up to `room` bytes of the body; sets the flags that nghttp2 wants. NGHTTP2_ERR_DEFERRED when there are none
  // yet.
  ssize_t ReadBody(uint8_t* out, size_t room, uint32_t* flags);

  // Whether the call may be started again on another stream: nothing came back and every request byte is still here.
  bool CanRestart() const { return !done() && !restarted_ && !received_ && held_; }
  void Restart();

  // A header of the response's head or trailers; false when they grow beyond the limit.
  bool AddHeader(nghttp2_rcbuf* name, nghttp2_rcbuf* value);
  void ClearHeaders();
  // Views of the headers so far.
  absl::Span<const http::Header> Headers();
  int http_status() const { return http_status_; }
  bool grpc_content_type() const { return grpc_content_type_; }
  bool has_grpc_status() const { return has_grpc_status_; }

  // Tells the observer, once.
  void End(const absl::Status& status, absl::Span<const http::Header> trailers = {});
  bool DeadlinePassed() const;

  // State that Connection and Pool keep here.
  Connection* connection = nullptr;  // null while queued
  size_t index = 0;                  // in Connection's list
  int32_t stream_id = -1;
  bool head_sent = false;      // the HEADERS frame was written
  bool head_received = false;  // OnHead was called
  bool deferred = false;       // nghttp2 waits for Send
  absl::Status failure;        // for a call that failed before it had a connection

  void MarkReceived();

 private:
  static constexpr size_t kHeaderBytesMax = 64 << 10;
  static constexpr size_t kBufferKept = 64 << 10;

  struct HeaderRef {
    nghttp2_rcbuf* name;
    nghttp2_rcbuf* value;
  };

  void CopyHead(const CallHead& head);
  void OnDeadline();

  TimerQueue* timers_;
  Timer deadline_;
  CallObserver* observer_ = nullptr;
  bool streaming_ = false;
  bool batch_reads_ = false;

  // Request.
  Buffer head_;                 // the bytes that nv_ points to
  std::vector<nghttp2_nv> nv_;  // the last one is grpc-timeout when there is a deadline
  size_t nv_fixed_ = 0;         // how many come before it
  char timeout_text_[16];
  int64_t deadline_ns_ = 0;
  Buffer request_;
  size_t sent_ = 0;
  bool last_ = false;
  bool over_high_ = false;
  bool held_ = true;  // request_ still begins with the body's first byte
  bool restarted_ = false;

  // Response.
  std::vector<HeaderRef> headers_;
  std::vector<http::Header> views_;
  size_t header_bytes_ = 0;
  int http_status_ = 0;
  bool grpc_content_type_ = false;
  bool has_grpc_status_ = false;
  bool received_ = false;
  size_t unreported_ = 0;  // consumed bytes that nghttp2 has not been told of
};

}  // namespace stratus::gateway::upstream
