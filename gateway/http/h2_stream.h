// One stream of an HTTP/2 connection: a request and its response.
//
// The response's bytes wait in a buffer of the stream until nghttp2 asks for them, as fast as the client's windows
// allow; the header texts stay in here until the stream closes, so that nghttp2 need not copy them.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/http/exchange.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::http {

class H2Session;

class H2Stream final : public Exchange {
 public:
  H2Stream() = default;
  ~H2Stream() = default;
  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;

  void Open(H2Session* session, int32_t id);
  // Back to the state before Open, with its memory, for the next stream.
  void Reset();
  int32_t id() const { return id_; }

  // --- The request, as nghttp2 tells it.
  void AddField(std::string_view name, std::string_view value);
  // The client sent a field that RFC 9113, 8.2 forbids.
  void SetMalformed() { malformed_ = true; }
  // The head is complete.
  void OnHead(bool has_body);
  void OnData(std::string_view piece);
  void OnRequestEnd();
  // The stream is gone.
  void OnClose();

  // --- The response, as nghttp2 asks for it.
  ssize_t ReadData(size_t room, uint32_t* flags);
  // The next `size` bytes, which ReadData has promised.
  void TakeData(size_t size, Buffer* out);
  // Whether a response's head waits to be submitted; Submit does it.
  bool head_pending() const { return head_pending_; }
  void SubmitHead();
  // Calls Handler::OnDrained if it is due.
  void TellDrained();
  // Bytes that are ready, and since which tick the client has not taken any.
  bool stalled(uint64_t tick) const { return flushed_ + shared_.size() > sent_ && progress_tick_ < tick; }
  bool ended() const { return answer_ == Answer::kDone; }
  // The client has to send more of the request's body, and may not pause.
  bool owes_body() const { return body_open_ && !may_pause_ && unconsumed_ < kBodyHeldMax; }
  // A whole reply waits for the client to take it.
  bool owes_reading() const { return whole_ && flushed_ + shared_.size() > sent_; }
  // When bytes came or went last.
  uint64_t progress_tick() const { return progress_tick_; }
  size_t held_bytes() const;
  void EndSlowBody();
  void EndSlowReader();

  // --- Exchange
  const RequestHead& request() const override { return request_; }
  void SetHandler(Handler* handler) override { handler_ = handler; }
  void AllowPauses() override { may_pause_ = true; }
  bool HasRoom(size_t more) override;
  void BodyConsumed(size_t bytes) override;
  Buffer& StartBody(int status, absl::Span<const Header> headers) override;
  void FinishBody() override;
  void AbandonBody() override;
  void SendShared(int status, absl::Span<const Header> headers, std::shared_ptr<const void> owner,
                  std::string_view body) override;
  void StartStream(int status, absl::Span<const Header> headers) override;
  Buffer& stream_buffer() override { return out_; }
  void Flush() override;
  void EndStream(absl::Span<const Header> trailers) override;
  void Abort() override;
  size_t backlog() const override { return out_.size() + shared_.size() - sent_; }

  // The open streams of a session, in no order.
  size_t index = 0;

 private:
  // Half of H2Session::kStreamWindow: while the handler holds so much, the client may have no window left to send into.
  static constexpr size_t kBodyHeldMax = 512 << 10;

  enum class Answer : uint8_t { kNone, kBody, kStream, kDone };
  struct Field {
    uint32_t name_at, name_size, value_at, value_size;
  };

  bool BuildRequest();
  void SetPseudo(std::string_view name, std::string_view value);
  void Refuse(int status, std::string_view reason);
  void MakeHead(int status, absl::Span<const Header> headers);
  void AddLength(size_t length);
  void AddTrailers(absl::Span<const Header> trailers);
  void SubmitTrailers();
  void Submit(bool with_data);
  void ResumeData();
  void EndAnswer();
  void AbortHandler();
  bool sends_body() const { return !bodiless_ && request_.method != "HEAD"; }

  H2Session* session_ = nullptr;
  int32_t id_ = 0;
  Handler* handler_ = nullptr;
  RequestHead request_;
  Buffer head_bytes_;  // names and values, one after another
  std::vector<Field> fields_;
  std::vector<Header> headers_;
  size_t list_size_ = 0;   // of the header list, as RFC 9113, 10.5.1 counts it
  size_t unconsumed_ = 0;  // body bytes that hold up the stream's window
  Buffer out_;             // the response's body, unless it is shared
  std::string_view shared_;
  std::shared_ptr<const void> owner_;  // of shared_
  size_t sent_ = 0;                    // of out_, given to nghttp2
  size_t flushed_ = 0;                 // of out_, may be given
  Buffer response_bytes_;              // what response_ points into
  std::vector<nghttp2_nv> response_;
  Buffer trailer_bytes_;  // what trailers_ points into
  std::vector<nghttp2_nv> trailers_;
  uint64_t progress_tick_ = 0;
  Answer answer_ = Answer::kNone;
  bool malformed_ = false;
  bool too_large_ = false;
  bool bodiless_ = false;
  bool head_pending_ = false;  // StartStream's
  bool submitted_ = false;
  bool deferred_ = false;  // nghttp2 waits for ResumeData
  bool finished_ = false;  // no more is appended to out_
  bool aborted_ = false;   // reset once all flushed bytes have gone
  bool above_high_ = false;
  bool drained_ = false;
  bool body_open_ = false;  // more of the request's body is to come
  bool may_pause_ = false;
  bool whole_ = false;  // the reply is no stream
};

// Streams that are not in use, with the memory they have grown.
class H2StreamPool {
 public:
  static constexpr size_t kStreamsMax = 256;
  // A stream that grew more than this is freed.
  static constexpr size_t kHeadBytesMax = 16 << 10;

  std::unique_ptr<H2Stream> Take() {
    if (free_.empty()) return std::make_unique<H2Stream>();
    std::unique_ptr<H2Stream> stream = std::move(free_.back());
    free_.pop_back();
    return stream;
  }
  void Give(std::unique_ptr<H2Stream> stream) {
    stream->Reset();
    if (free_.size() < kStreamsMax) free_.push_back(std::move(stream));
  }

 private:
  std::vector<std::unique_ptr<H2Stream>> free_;
};

}  // namespace stratus::gateway::http
