// HTTP/1.0 and HTTP/1.1 on a connection. One exchange at a time: requests that a client pipelines wait, up to a bound,
// as bytes, and are answered in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/connection.h"
#include "gateway/http/exchange.h"
#include "gateway/http/h1_parser.h"
#include "gateway/http/head_scanner.h"
#include "gateway/http/rate_budget.h"
#include "gateway/http/rate_floor.h"
#include "gateway/http/response_head.h"
#include "gateway/http/session.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::http {

class H1Session final : public Session, public Exchange, private H1Parser::BodySink {
 public:
  explicit H1Session(Connection* connection);

  // --- Session
  void OnInput(std::string_view input) override;
  void OnResume() override;
  void OnEnd() override;
  void OnLost() override;
  bool wants_input() const override;
  void OnSent(size_t shift) override;
  void OnReadTimeout() override;
  void OnTick(size_t acknowledged) override;
  bool idle() const override { return reading_ == Reading::kHead && !held_up_; }
  size_t held_bytes() const override;
  void Drain() override;

  // --- Exchange
  const RequestHead& request() const override { return head_.request; }
  void SetHandler(Handler* handler) override { handler_ = handler; }
  void AllowPauses() override;
  bool HasRoom(size_t more) override { return connection_->HasRoom(more); }
  void BodyConsumed(size_t bytes) override;
  Buffer& StartBody(int status, absl::Span<const Header> headers) override;
  void FinishBody() override;
  void AbandonBody() override;
  void SendShared(int status, absl::Span<const Header> headers, std::shared_ptr<const void> owner,
                  std::string_view body) override;
  void StartStream(int status, absl::Span<const Header> headers) override;
  Buffer& stream_buffer() override;
  void Flush() override;
  void EndStream(absl::Span<const Header> trailers) override;
  void Abort() override;
  size_t backlog() const override { return connection_->out().backlog(); }

 private:
  // Bytes of pipelined requests that may wait.
  static constexpr size_t kPipelineMax = 64 << 10;
  // Body bytes with the handler, not consumed, above which reading stops.
  static constexpr size_t kUnconsumedMax = 256 << 10;
  // Rest of an unwanted body that is read and dropped to keep the connection.
  static constexpr uint64_t kDropMax = 64 << 10;
  // Replies that may wait for the socket before the next request is looked at; it is again when so few are left.
  static constexpr size_t kRepliesHigh = kBacklogHigh;
  static constexpr size_t kRepliesLow = kBacklogLow;

  enum class Reading : uint8_t { kHead, kBody, kDone };
  enum class Answer : uint8_t { kNone, kBody, kStream, kDone };

  // Takes what it can of `input` and returns how much that was.
  size_t Consume(std::string_view input);
  size_t ConsumeHead(std::string_view input);
  size_t ConsumeBody(std::string_view input);
  void BeginExchange();
  void OnBodyPiece(std::string_view piece) override;
  void OnChunk(size_t extension_bytes) override;
  bool replies_wait() const { return backlog() > kRepliesHigh || connection_->out().has_tail(); }
  void AwaitBody();
  void EndBody();
  // Answers by the connection's own word and closes.
  void Refuse(const Refusal& refusal);
  void BreakOff(const Refusal& refusal);
  void AnswerAsterisk();

  ResponseHead MakeHead(int status, absl::Span<const Header> headers, Framing framing);
  Persistence Persist(Framing framing);
  void CloseChunk();
  // The response is complete: the handler is dropped, the next request may come.
  void EndAnswer();
  void NextRequest();
  bool sends_body() const { return head_.request.method != "HEAD" && !bodiless_; }

  Connection* const connection_;
  H1Parser parser_;
  HeadScanner scanner_;
  Buffer head_bytes_;  // what head_ points into
  Buffer rest_;        // input that cannot be taken yet
  H1Head head_;
  Handler* handler_ = nullptr;
  RateBudget chunks_;
  RateFloor body_floor_;
  RateFloor reply_floor_;
  size_t body_moved_ = 0;  // bytes of the body that came in this tick
  size_t unconsumed_ = 0;
  size_t length_at_ = 0;  // of the response's content-length; offset into the output
  size_t body_at_ = 0;    // where the response's body begins; offset into the output
  size_t chunk_at_ = 0;   // where the open chunk begins; offset into the output
  Reading reading_ = Reading::kHead;
  Answer answer_ = Answer::kNone;
  Framing framing_ = Framing::kNone;
  bool bodiless_ = false;
  bool chunk_open_ = false;
  bool close_ = false;             // after this exchange
  bool continue_due_ = false;      // the client waits for 100 Continue
  bool waiting_for_head_ = false;  // a part of one is here
  bool may_pause_ = false;         // the body, for as long as it likes
  bool above_high_ = false;
  bool consuming_ = false;
  bool held_up_ = false;  // by replies that wait for the socket
  bool draining_ = false;
};

}  // namespace stratus::gateway::http
