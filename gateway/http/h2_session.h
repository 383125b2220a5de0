// HTTP/2 on a connection (prior knowledge or ALPN), by nghttp2.
//
// Against floods, beside nghttp2's own bounds (acknowledgements, settings, CONTINUATION frames): a budget of faults
// (streams that end by a reset, whoever sends it, and heads that are too large) and one of frames, which payload earns;
// who overdraws them gets GOAWAY(ENHANCE_YOUR_CALM). The connection's output holds a bounded amount; while it is full
// and the client takes none of it, no new streams are taken, but all else is read: a client that only writes must not
// keep its PINGs from being answered.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/http/connection.h"
#include "gateway/http/frame_counter.h"
#include "gateway/http/h2_stream.h"
#include "gateway/http/rate_budget.h"
#include "gateway/http/rate_floor.h"
#include "gateway/http/session.h"

namespace stratus::gateway::http {

class H2Session final : public Session {
 public:
  // What a client may send on a stream before the handler has dealt with any of it, and on all of a connection before
  // it was read.
  static constexpr int32_t kStreamWindow = 1 << 20;
  static constexpr int32_t kConnectionWindow = 4 << 20;
  // Output beyond this stays with the streams.
  static constexpr size_t kOutMax = 256 << 10;
  // What a field adds to the size of a header list beside its text (RFC 9113, 10.5.1).
  static constexpr size_t kFieldOverhead = 32;

  explicit H2Session(Connection* connection);
  ~H2Session() override;

  // --- Session
  void OnInput(std::string_view input) override;
  void OnEnd() override;
  void OnLost() override;
  bool wants_input() const override { return true; }
  void Produce() override;
  void OnSent(size_t) override {}
  void OnReadTimeout() override;
  void OnTick(size_t acknowledged) override;
  bool idle() const override { return streams_.empty(); }
  size_t held_bytes() const override;
  void Drain() override;

  // --- For streams.
  Connection& connection() { return *connection_; }
  nghttp2_session* nghttp2() { return session_.get(); }
  void ScheduleHead() { heads_pending_ = true; }
  void ScheduleDrained() { any_drained_ = true; }
  void OnBodyBytes(size_t bytes) { body_moved_ += bytes; }
  void OnReplyBytes(size_t bytes) { reply_moved_ += bytes; }
  // The client did what costs it nothing, and us a stream.
  void OnFault();

  // --- For the callbacks of nghttp2 (h2_callbacks.cc).
  H2Stream* OpenStream(int32_t id);
  void CloseStream(H2Stream* stream);
  void OnHeadersBegin();
  // One field of the header block under way; false when the block has become so large that the connection must end.
  bool CountField(size_t bytes);
  void OnHeadersEnd();
  void RefuseStream(int32_t id);
  void OnPayload(size_t bytes) { frames_.Earn(static_cast<int64_t>(bytes)); }
  // A window update for each DATA frame that it gets is fair of a client.
  void OnDataSent() { frames_.Earn(RateBudget::kFrame); }
  bool out_full() const { return connection_->out().backlog() >= kOutMax; }
  // The output is full, as it is in every large download, and the client does not even read.
  bool takes_nothing() const { return out_full() && connection_->stuck(); }

 private:
  struct SessionDeleter {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  enum class Draining : uint8_t { kNo, kNoticed, kGoneAway };

  void Pump();
  void Terminate(uint32_t error_code);
  void SetIdleTimeout();
  // The client sends what costs it nothing: GOAWAY(ENHANCE_YOUR_CALM).
  void EndFlood();
  void EndSlowBodies();
  void EndSlowReaders(size_t acknowledged);
  template <typename Owes, typename End>
  void EndSlowest(Owes owes, End end);

  Connection* const connection_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  std::vector<std::unique_ptr<H2Stream>> streams_;
  RateBudget faults_;
  RateBudget frames_;
  FrameCounter counter_;
  RateFloor body_floor_;
  RateFloor reply_floor_;
  size_t body_moved_ = 0;   // bytes of bodies that came in this tick
  size_t reply_moved_ = 0;  // bytes of whole replies that were framed in it
  size_t block_bytes_ = 0;  // of the header block under way, decoded
  uint64_t drain_tick_ = 0;
  Draining draining_ = Draining::kNo;
  bool heads_pending_ = false;
  bool any_drained_ = false;
  bool flooded_ = false;
};

// The callbacks, made once; their user data is the H2Session.
const nghttp2_session_callbacks* H2Callbacks();

}  // namespace stratus::gateway::http
