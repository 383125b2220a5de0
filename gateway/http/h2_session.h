// HTTP/2 on a connection (prior knowledge or ALPN), by nghttp2.
//
// Against floods, beside nghttp2's own bounds (acknowledgements, settings, CONTINUATION frames): a budget of resets and
// one of frames that carry nothing; who overdraws them gets GOAWAY(ENHANCE_YOUR_CALM). The connection's output holds a
// bounded amount, and input is not read while it is full.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/http/connection.h"
#include "gateway/http/h2_stream.h"
#include "gateway/http/rate_budget.h"
#include "gateway/http/session.h"

namespace stratus::gateway::http {

class H2Session final : public Session {
 public:
  // What a client may send before the handler has dealt with any of it: on a stream, on all of a connection.
  static constexpr int32_t kStreamWindow = 1 << 20;
  static constexpr int32_t kConnectionWindow = 4 << 20;
  // Output beyond this stays with the streams.
  static constexpr size_t kOutMax = 256 << 10;

  explicit H2Session(Connection* connection);
  ~H2Session() override;

  // --- Session
  void OnInput(std::string_view input) override;
  void OnEnd() override;
  void OnLost() override;
  bool wants_input() const override;
  void Produce() override;
  void OnSent(size_t) override {}
  void OnReadTimeout() override;
  void OnTick() override;
  void Drain() override;

  // --- For streams.
  Connection& connection() { return *connection_; }
  nghttp2_session* nghttp2() { return session_.get(); }
  void ScheduleHead() { heads_pending_ = true; }
  void ScheduleDrained() { any_drained_ = true; }

  // --- For the callbacks of nghttp2 (h2_callbacks.cc).
  H2Stream* OpenStream(int32_t id);
  void CloseStream(H2Stream* stream);
  void OnFrameBegin(const nghttp2_frame_hd& header);
  void OnReset();
  void OnHeadersEnd();
  void OnDataSent() { frames_.Refill(1); }
  bool out_full() const { return connection_->out().backlog() >= kOutMax; }

 private:
  struct SessionDeleter {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  enum class Draining : uint8_t { kNo, kNoticed, kGoneAway };

  void Pump();
  void Terminate(uint32_t error_code);
  void SetIdleTimeout();

  Connection* const connection_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  std::vector<std::unique_ptr<H2Stream>> streams_;
  RateBudget resets_;
  RateBudget frames_;
  uint64_t drain_tick_ = 0;
  Draining draining_ = Draining::kNo;
  bool heads_pending_ = false;
  bool any_drained_ = false;
};

// The callbacks, made once; their user data is the H2Session.
const nghttp2_session_callbacks* H2Callbacks();

}  // namespace stratus::gateway::http
