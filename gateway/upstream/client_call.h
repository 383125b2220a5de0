// One call and its bytes, from Start to the closing of its stream. Internal to this folder: callers see Call.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gateway/transcode/buffer.h"
#include "gateway/upstream/admission.h"
#include "gateway/upstream/stats.h"
#include "gateway/upstream/timer_queue.h"
#include "gateway/upstream/upstream.h"

namespace stratus::gateway::upstream {

class ClientCall;
class Connection;
class Endpoint;

// The cluster that a call came from, and goes back to.
class CallOwner {
 public:
  // The call has ended and nothing refers to it any more.
  virtual void Release(ClientCall* call) = 0;
  // The server has not begun to process this call: start it again elsewhere.
  virtual void Move(ClientCall* call, RetryReason reason) = 0;
  // Whether a call that failed before any reply may be made again; Retry follows when its stream is closed. `trailers`
  // are what the server sent, empty when the connection broke.
  virtual bool MayRetry(ClientCall* call, absl::Span<const http::Header> trailers) = 0;
  virtual void Retry(ClientCall* call) = 0;
  // The pause before a retry is over.
  virtual void OnRetryDue(ClientCall* call) = 0;
  // A unary call has its request, or enough of it: it may be sent now.
  virtual void OnReady(ClientCall* call) = 0;
  // The server has ended the call with this; nothing was wrong with the server.
  virtual void OnAnswer(ClientCall* call, const absl::Status& status) = 0;
  // The deadline passed at the server, before it had answered anything.
  virtual void OnTimeout(ClientCall* call) = 0;

 protected:
  ~CallOwner() = default;
};

class ClientCall final : public Call {
 public:
  // `scheme` is of unlimited life.
  ClientCall(TimerQueue* timers, CallOwner* owner, std::string_view scheme);
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
  // Nothing that still comes on its stream matters.
  bool settled() const { return done() || retry_pending; }
  bool streaming() const { return streaming_; }
  bool waits() const { return waits_; }
  bool received() const { return received_; }
  std::string_view path() const { return {head_.data(), path_bytes_}; }
  // When it was last sent; where it had to wait for its client, when the end of its body was.
  int64_t sent_ns() const { return sent_ns_; }
  int64_t deadline_ns() const { return deadline_ns_; }
  bool batch_reads() const { return batch_reads_; }
  CallObserver* observer() const { return observer_; }

  // The head as nghttp2 wants it, without CallFields. Valid until Reset.
  absl::Span<const nghttp2_nv> RequestHeaders();
  // The rest of the head, for the end of its header block (call_fields.h): the time that was left at RequestHeaders is
  // among it.
  std::string_view CallFields() const { return fields_.view(); }
  // Copies up to `room` bytes of the body; sets the flags that nghttp2 wants. NGHTTP2_ERR_DEFERRED when there are none
  // yet.
  ssize_t ReadBody(uint8_t* out, size_t room, uint32_t* flags);

  // Whether the call may be started again on another stream, because the server has not touched it: every request byte
  // is still here, and it was not moved too often.
  bool CanMove() const { return !done() && !pinned && moves_ < kMovesMax && !received_ && held_; }
  // Whether doing it again can do no harm and show the observer nothing twice.
  bool CanRetry() const { return !done() && idempotent_ && !head_received && held_; }
  int moves() const { return moves_; }
  int retries() const { return retries_; }
  void Moved();
  void Retried();
  // Waits before OnRetryDue.
  void Pause(absl::Duration pause);

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

  Admission::Ticket ticket{this};  // the cluster's

  // State that Connection and Pool keep here.
  Connection* connection = nullptr;  // null while queued
  size_t index = 0;                  // in Connection's list
  int32_t stream_id = -1;
  bool head_sent = false;      // the HEADERS frame was written
  bool head_received = false;  // OnHead was called
  bool deferred = false;       // nghttp2 waits for Send: the call waits for its client, not for the server
  bool retry_pending = false;  // failed with `failure`, and is retried once its stream is closed
  bool pinned = false;         // asks about one endpoint, and goes to no other
  absl::Duration retry_pause = absl::ZeroDuration();
  Endpoint* endpoint = nullptr;  // where it was last tried
  absl::Status failure;          // for a call that failed before it had a connection, or is to be retried

  void MarkReceived();

 private:
  static constexpr size_t kHeaderBytesMax = 64 << 10;
  static constexpr size_t kBufferKept = 64 << 10;

  struct HeaderRef {
    nghttp2_rcbuf* name;
    nghttp2_rcbuf* value;
  };

  static constexpr int kMovesMax = 3;
  // Of a request whose client is slow: sent on from this size, and whole before. A call that only waits for its own
  // client takes nobody's place at the upstream.
  static constexpr size_t kReadyBytes = 64 << 10;

  void CopyHead(const CallHead& head);
  void Rewind();
  void OnDeadline();
  // Nothing but this object knows of the call yet, or the queue of those that wait for their turn.
  bool held_back() const {
    return (!streaming_ && !ready_ && !pinned) || ticket.state == Admission::Ticket::State::kWaiting;
  }

  TimerQueue* timers_;
  CallOwner* const owner_;
  const std::string_view scheme_;
  Timer deadline_;
  Timer retry_;
  CallObserver* observer_ = nullptr;
  bool streaming_ = false;
  bool waits_ = false;
  bool batch_reads_ = false;
  bool idempotent_ = false;
  bool ready_ = false;  // OnReady was called

  // Request.
  size_t path_bytes_ = 0;  // of head_
  int64_t sent_ns_ = 0;
  Buffer head_;  // the bytes that nv_ points to
  std::vector<nghttp2_nv> nv_;
  Buffer fields_;            // ends with grpc-timeout when there is a deadline
  size_t fields_fixed_ = 0;  // the size of what comes before it
  int64_t deadline_ns_ = 0;
  Buffer request_;
  size_t sent_ = 0;
  bool last_ = false;
  bool over_high_ = false;
  bool held_ = true;      // request_ still begins with the body's first byte
  bool starved_ = false;  // was deferred since it was sent
  int moves_ = 0;
  int retries_ = 0;

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
