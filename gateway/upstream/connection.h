// One HTTP/2 connection to an upstream: an nghttp2 client session over a connected socket.
#pragma once

#include <nghttp2/nghttp2.h>

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gateway/http/transport.h"
#include "gateway/loop/handler_memory.h"
#include "gateway/transcode/buffer.h"
#include "gateway/upstream/client_call.h"
#include "gateway/upstream/timer_queue.h"

namespace stratus::gateway::upstream {

// What the calls to one endpoint say about it, over all its connections.
struct EndpointLoad {
  size_t streams = 0;  // under way
  int failures = 0;    // in a row
  int timeouts = 0;    // calls in a row that got no byte before their deadline
};

struct ConnectionOptions {
  std::string name;                                          // the upstream's address, for messages
  absl::Duration keepalive_interval = absl::ZeroDuration();  // zero: no PINGs
  absl::Duration keepalive_timeout = absl::Seconds(5);
  absl::Duration timeout_min = absl::Seconds(1);  // see OutlierOptions
  // After a read that held messages of calls with batch_reads, reading goes on at the next multiple of this: what many
  // streams send in that time is read, written to their clients and paid for at once.
  absl::Duration batch_interval = absl::Milliseconds(1);
};

class Connection final : public std::enable_shared_from_this<Connection>, private http::TransportEvents {
 public:
  // The pool that the connection belongs to. It outlives the connection, or calls Shutdown first.
  class Owner {
   public:
    // A call has ended or the server's limit has risen: another one fits.
    virtual void OnCapacity() = 0;
    // No new calls go here from now on (GOAWAY, stream ids used up); those under way go on.
    virtual void OnDraining(Connection* connection) = 0;
    // The connection is closed and holds no calls.
    virtual void OnClosed(Connection* connection) = 0;
    // A call has failed by the server's fault, or the connection broke under some; EndpointLoad counts it already.
    virtual void OnFailure() = 0;
    // The server has answered no PING; the connection is being closed.
    virtual void OnUnresponsive() = 0;

   protected:
    ~Owner() = default;
  };

  // `load` and `stats` outlive the connection, as `owner` and `calls` do.
  struct Surroundings {
    boost::asio::io_context& io;
    TimerQueue* timers;
    nghttp2_mem* memory;
    EndpointLoad* load;
    ClusterStats* stats;
    CallOwner* calls;
    Owner* owner;
  };
  Connection(http::TransportPtr transport, ConnectionOptions options, const Surroundings& around);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends the preface and begins to read.
  void Begin();
  bool HasCapacity() const { return !draining_ && !closed_ && calls_.size() < streams_max_; }
  // Begins the call on a new stream. False when the connection can take no more streams: it is draining then.
  bool Submit(ClientCall* call);
  // Takes no new calls and closes when those under way have ended.
  void Drain();
  // Closes without telling the owner; calls under way just vanish.
  void Shutdown();

  // --- For ClientCall.
  void BodyReady(ClientCall* call);
  void Consume(ClientCall* call, size_t bytes);
  // RST_STREAM(CANCEL). The call object is released when nghttp2 has let go of it.
  void Cancel(ClientCall* call);
  // Cancel for a call whose deadline has passed: counted where nothing of an answer had come.
  void OnDeadline(ClientCall* call);

 private:
  struct Callbacks;

  // http::TransportEvents
  void OnRead(ssize_t result) override;
  void OnWritable() override;

  void StartRead();
  // Hands what was read to the session; false when the connection is closed after it.
  bool Took(ssize_t result);
  void ReadOn();
  void ReadBatch();
  void WakeAt(size_t bytes);
  void Receive(size_t bytes);
  void ScheduleFlush();
  void Flush();
  bool WritePending();
  bool Collect();
  // Takes over one frame of the session, with the call's own fields where it ends the call's head.
  void Append(std::string_view frame);
  void Close(const absl::Status& status);
  // Closes for what the transport gave: 0 or a negative errno.
  void CloseBroken(ssize_t result);
  void FailCalls(const absl::Status& status);
  void DeleteSession();
  void CloseIfIdle();
  void StartDraining();
  void Remove(ClientCall* call);
  void OnKeepalive();
  bool MayPing() const;

  // What the session reports.
  static ClientCall* CallOf(nghttp2_session* session, int32_t stream_id) {
    return static_cast<ClientCall*>(nghttp2_session_get_stream_user_data(session, stream_id));
  }
  void OnHeaders(ClientCall* call, bool end_stream);
  void OnHead(ClientCall* call, bool end_stream);
  void Conclude(ClientCall* call, const absl::Status& status, absl::Span<const http::Header> trailers);
  void CountFailure();
  void OnDataChunk(ClientCall* call, std::string_view piece);
  void OnFrame(const nghttp2_frame* frame);
  void OnStreamClose(ClientCall* call, uint32_t error_code);

  static constexpr size_t kReadBytes = 64 << 10;
  // gRPC servers take a client for a nuisance that sends more PINGs to one silence of theirs, or sooner.
  static constexpr int kPingsMax = 3;
  static constexpr int64_t kPingPauseNs = 301'000'000'000;
  static constexpr int kBatchReadsMax = 16;  // then the others of the loop have their turn
  static constexpr size_t kWriteBytes = 64 << 10;
  static constexpr int32_t kStreamWindow = 1 << 20;
  static constexpr int32_t kConnectionWindow = 16 << 20;

  boost::asio::io_context& io_;
  http::TransportPtr transport_;  // null once closed
  TimerQueue* timers_;
  const ConnectionOptions options_;
  EndpointLoad* load_;
  ClusterStats* stats_;
  CallOwner* call_owner_;
  Owner* owner_;
  nghttp2_session* session_ = nullptr;
  std::vector<ClientCall*> calls_;
  size_t streams_max_ = 100;  // what RFC 9113 recommends, until the server's SETTINGS say otherwise
  bool draining_ = false;
  bool closed_ = false;
  bool in_session_ = false;  // inside nghttp2, which must not be re-entered

  std::unique_ptr<char[]> read_buffer_;
  size_t received_uncredited_ = 0;  // DATA bytes the connection's window has not got back
  bool pause_reading_ = false;
  size_t wake_at_ = 1;  // what Transport::WakeAt was told
  Timer resume_reading_;

  Buffer out_;
  size_t out_sent_ = 0;
  bool flush_scheduled_ = false;
  bool waiting_writable_ = false;

  Timer keepalive_;  // armed while there are calls
  bool ping_pending_ = false;
  int pings_ = 0;  // since the server last sent something else
  int64_t pinged_ns_ = 0;
  bool heard_ = false;  // something was read since the last keepalive tick

  HandlerMemory flush_memory_;
};

}  // namespace stratus::gateway::upstream
