// The connections of one kind (unary or streaming) to one upstream: which connection a call goes to, who waits, when to
// connect again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <vector>

#include "gateway/upstream/cluster.h"
#include "gateway/upstream/connection.h"
#include "gateway/upstream/connector.h"

namespace stratus::gateway::upstream {

class Pool final : public Connection::Owner {
 public:
  // `calls` takes back ended calls.
  Pool(boost::asio::io_context& io, TimerQueue* timers, nghttp2_mem* memory, const ClusterOptions& options,
       CallOwner* calls);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Gives the call to a connection, or queues it, or lets it fail from the loop.
  void Start(ClientCall* call);

 private:
  struct Slot {
    std::shared_ptr<Connection> connection;  // null: none usable
    std::shared_ptr<Connector> connector;    // non-null while connecting
    int64_t retry_at_ns = 0;                 // no attempt before
    int failures = 0;                        // in a row
  };

  // Connection::Owner
  void Release(ClientCall* call) override { calls_->Release(call); }
  void OnCapacity() override;
  void OnDraining(Connection* connection) override;
  void OnClosed(Connection* connection) override;
  void OnRefused(ClientCall* call) override;

  Connection* Pick();
  bool Connecting() const;
  bool Connected() const;
  void Connect(size_t slot_index);
  void OnConnected(size_t slot_index, absl::StatusOr<Socket> socket);
  void GrowTo(size_t addresses);
  void Drain();
  void FailQueue(const absl::Status& status);
  void FailLater(ClientCall* call, absl::Status status);

  boost::asio::io_context& io_;
  TimerQueue* timers_;
  nghttp2_mem* memory_;
  const ClusterOptions options_;
  CallOwner* calls_;
  std::vector<Slot> slots_;
  std::vector<std::shared_ptr<Connection>> draining_;
  std::deque<ClientCall*> queue_;
  std::vector<ClientCall*> failing_;
  size_t next_ = 0;      // round robin over slots
  size_t rotation_ = 0;  // round robin over resolved addresses
  absl::Status last_error_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // handlers that outlive the pool see this expired
};

}  // namespace stratus::gateway::upstream
