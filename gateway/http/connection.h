// A client's connection: moves bytes between a transport and the session that understands them, tells HTTP/1 from
// HTTP/2 by the first bytes, and keeps the timeouts.
//
// One recv and one send serve a small request: the first read of a turn is done by the transport into a small buffer of
// the connection's own, bulk goes through the scratch buffer of the loop, and what a turn produces leaves in one write.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/http/connection_owner.h"
#include "gateway/http/context.h"
#include "gateway/http/deferred.h"
#include "gateway/http/out_buffer.h"
#include "gateway/http/rate_floor.h"
#include "gateway/http/session.h"
#include "gateway/http/transport.h"

namespace stratus::gateway::http {

class Connection final : public TransportEvents, public Deferrable {
 public:
  Connection(Context* context, ConnectionOwner* owner, TransportPtr transport, std::string peer);
  // Aborts what is in flight.
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start();
  // Finish what is in flight, then close.
  void Drain();
  // Breaks off. What is in flight is aborted, and the owner told, later in this turn.
  void Abort();
  // Called by the listener once a tick.
  void OnTick();

  // --- For sessions.
  Context& context() { return *context_; }
  const std::string& peer() const { return peer_; }
  bool secure() const { return secure_; }
  OutBuffer& out() { return out_; }
  // Writes what is committed: now (after OnInput when called inside it), or at the end of the turn.
  void Flush();
  void ScheduleFlush();
  // Calls Session::OnResume later in this turn, then reads on if the session wants input.
  void ScheduleResume();
  // Takes no more input; closes once all output has gone. The peer gets the time to read it: our side is ended first,
  // and its bytes are thrown away for a while, as closing at once could reset what is still on its way.
  void CloseAfterFlush();
  // As CloseAfterFlush, but the peer shall not take the end for a clean one.
  void ResetAfterFlush();
  // Session::OnReadTimeout comes after so many ticks, unless it is set again; 0: never.
  void SetReadTimeout(uint64_t ticks) { read_deadline_ = ticks == 0 ? kNever : context_->clock.now + ticks; }
  bool closing() const { return state_ != State::kOpen; }
  // Output waits of which the peer has taken none for a tick or more. A slow one that goes on taking is not stuck.
  bool stuck() const { return blocked_ && !taking_; }
  // Exchange::HasRoom.
  bool HasRoom(size_t more);

  // --- For the listener.
  // What a connection takes of MemoryBudget by being there, beside held_bytes().
  static constexpr size_t OwnBytes(bool secure) { return secure ? 48 << 10 : 8 << 10; }
  // No request is under way: it may be closed when others need its place.
  bool idle() const;
  // When bytes came last: Context::inputs of that moment, which no other connection of the listener has.
  uint64_t last_input() const { return last_input_; }
  size_t held_bytes() const;
  // Bytes moved in a tick, either way, as a moving average.
  double rate() const { return rate_; }
  // Breaks off, and the peer shall not take the end for a clean one.
  void Cut();

  // --- TransportEvents, Deferrable
  void OnRead(ssize_t result) override;
  void OnWritable() override;
  void RunDeferred() override;

 private:
  enum class State : uint8_t { kOpen, kFlushing, kLingering, kClosed };
  static constexpr uint64_t kNever = ~uint64_t{0};
  static constexpr size_t kInputBytes = 4096;
  // Bulk input taken in one turn, so that one client cannot starve the others of the loop.
  static constexpr size_t kInputPerTurnMax = 256 << 10;
  static constexpr size_t kLingerBytesMax = 1 << 20;
  // Connections that can have their full share at once.
  static constexpr size_t kShares = 8;
  static constexpr uint64_t kDrainTicks = 1;  // for a first request while draining

  void StartRead();
  void Take(std::string_view input);
  void TakeBulk();
  void Detect(std::string_view input);
  void StartSession(bool http2, std::string_view input);
  void Discard(ssize_t result);
  void ReadEnded(ssize_t result);
  // One write; false when there is nothing left to write or no more can be written now.
  bool WriteOnce();
  void OnAllSent();
  // Bytes of output that the peer has taken since the last call.
  size_t TakeAcknowledged();

  Context* const context_;
  ConnectionOwner* const owner_;
  TransportPtr transport_;
  std::unique_ptr<Session> session_;  // none until the protocol is known
  OutBuffer out_;
  const std::string peer_;
  uint64_t read_deadline_ = kNever;
  uint64_t write_deadline_ = kNever;
  uint64_t last_input_;
  int64_t sent_ = 0;          // bytes, ever
  int64_t acknowledged_ = 0;  // when it was asked last
  size_t moved_ = 0;          // bytes, in this tick
  double rate_ = 0;
  RateFloor last_floor_;  // of the output that is left when nothing else is to come
  size_t lingered_ = 0;
  State state_ = State::kOpen;
  bool secure_;
  bool reading_ = false;   // Transport::Read is under way
  bool blocked_ = false;   // waits for OnWritable
  bool wrote_ = false;     // in this tick
  bool taking_ = true;     // the peer took output in the tick before, or there was none that it had to take
  bool flushing_ = false;  // inside Flush
  bool in_input_ = false;  // inside OnRead: it flushes at its end
  bool resume_ = false;    // for RunDeferred
  bool draining_ = false;
  bool reset_ = false;
  std::string preface_;  // the first bytes, while they could still be HTTP/2's
  std::array<char, kInputBytes> input_;
};

}  // namespace stratus::gateway::http
