// The connections of one kind (unary or streaming) to one endpoint: which one a call goes to, when to connect again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "gateway/upstream/cluster_options.h"
#include "gateway/upstream/connection.h"
#include "gateway/upstream/connector.h"

namespace stratus::gateway::upstream {

enum class Kind : uint8_t { kUnary, kStreaming };

// What every part of one cluster shares. All of it outlives them.
struct ClusterContext {
  boost::asio::io_context& io;
  TimerQueue* timers;
  nghttp2_mem* memory;
  const ClusterOptions& options;
  ClusterStats* stats;
  CallOwner* calls;
};

class Pool final : public Connection::Owner {
 public:
  class Owner {
   public:
    virtual void OnConnected(Kind kind) = 0;
    // A connection has room again.
    virtual void OnCapacity(Kind kind) = 0;
    virtual void OnConnectFailed(Kind kind, const absl::Status& status) = 0;
    // A connection has ended, with none in its place yet.
    virtual void OnDisconnected(Kind kind) = 0;
    // See Connection::Owner.
    virtual void OnFailure() = 0;
    virtual void OnUnresponsive() = 0;

   protected:
    ~Owner() = default;
  };

  Pool(Kind kind, const ClusterContext& context, const EndpointAddress& address, EndpointLoad* load, Owner* owner);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A connection that can take a call, or null. Connects the slots whose turn it is when they have none.
  Connection* Ready();
  // A call that waits may get a connection without anyone connecting anew.
  bool promising() const;
  // Every slot waits for its next attempt.
  bool unreachable() const;
  // Takes no new calls; idle() once those under way have ended.
  void Drain();
  bool idle() const { return draining_pool_ && draining_.empty(); }

 private:
  struct Slot {
    std::shared_ptr<Connection> connection;  // null: none usable
    std::shared_ptr<Connector> connector;    // non-null while connecting
    int64_t retry_at_ns = 0;                 // no attempt before
    int failures = 0;                        // in a row
  };

  // Connection::Owner
  void OnCapacity() override;
  void OnDraining(Connection* connection) override;
  void OnClosed(Connection* connection) override;
  void OnFailure() override;
  void OnUnresponsive() override;

  void Connect(size_t slot_index);
  void OnConnected(Slot* slot, absl::StatusOr<http::TransportPtr> transport);
  void OnConnectFailed(Slot* slot, const absl::Status& status);

  const Kind kind_;
  const ClusterContext& context_;
  const EndpointAddress& address_;
  EndpointLoad* load_;
  Owner* owner_;
  std::vector<Slot> slots_;
  std::vector<std::shared_ptr<Connection>> draining_;
  size_t next_ = 0;  // round robin over slots
  bool draining_pool_ = false;
};

}  // namespace stratus::gateway::upstream
