// A Cluster over HTTP/2: calls wait here until an endpoint has room for them, and come back here to be started again.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <vector>

#include "gateway/loop/memory_pool.h"
#include "gateway/upstream/admission.h"
#include "gateway/upstream/balancer.h"
#include "gateway/upstream/client_call.h"
#include "gateway/upstream/cluster.h"
#include "gateway/upstream/discovery.h"
#include "gateway/upstream/endpoint.h"
#include "gateway/upstream/retry_budget.h"

namespace stratus::gateway::upstream {

class Http2Cluster final : public Cluster, private CallOwner, private Endpoint::Owner {
 public:
  Http2Cluster(boost::asio::io_context& io, TimerQueue* timers, const ClusterOptions& options);
  ~Http2Cluster() override;

  Call* Start(const CallHead& head, CallObserver* observer) override;

 private:
  // CallOwner
  void Release(ClientCall* call) override;
  void Move(ClientCall* call, RetryReason reason) override;
  bool MayRetry(ClientCall* call, absl::Span<const http::Header> trailers) override;
  void Retry(ClientCall* call) override;
  void OnRetryDue(ClientCall* call) override { Dispatch(call); }
  void OnReady(ClientCall* call) override;
  void OnAnswer(ClientCall* call, const absl::Status& status) override;
  void OnTimeout(ClientCall* call) override;

  // Endpoint::Owner
  void OnConnected(Kind kind) override;
  void OnCapacity(Kind kind) override;
  void OnConnectFailed(Kind kind, const absl::Status& status) override;
  void OnDisconnected(Kind kind) override;
  void OnFailing(Endpoint* endpoint) override;
  void OnEligibilityChanged() override;
  ClientCall* NewCall() override;

  // Starts or refuses those that wait for their turn, as far as can be said now.
  // A stream, or a call that waits on purpose: bounded in number, not by how long it takes.
  void EnterUnlimited(ClientCall* call);
  void ServeWaiting();
  void Refuse(ClientCall* call, ShedReason reason);

  std::deque<ClientCall*>& QueueOf(Kind kind) { return queues_[static_cast<size_t>(kind)]; }
  void Dispatch(ClientCall* call);
  bool TryStart(ClientCall* call);
  // Whether a queued call may still be taken without a new one coming in.
  bool Promising(Kind kind);
  void Enqueue(ClientCall* call);
  void DrainQueue(Kind kind);
  void FailHopeless(Kind kind);
  void FailLater(ClientCall* call, absl::Status status);
  absl::Status WhyUnavailable() const;
  void OnResolved();
  void UpdateEndpoints();
  void UpdateStates();
  void SweepLater();
  template <typename Work>
  void Post(Work work);

  boost::asio::io_context& io_;
  TimerQueue* timers_;
  const ClusterOptions options_;
  const std::shared_ptr<ClusterStats> stats_;
  MemoryPool memory_;
  // As many as were ever under way at once, which the gateway's limits on client streams bound.
  std::vector<std::unique_ptr<ClientCall>> all_;
  std::vector<ClientCall*> free_;
  std::array<std::deque<ClientCall*>, 2> queues_;  // by Kind
  std::vector<ClientCall*> failing_;
  RetryBudget budget_;
  Admission admission_;
  Timer admission_check_;
  bool serving_ = false;  // inside ServeWaiting
  absl::Status last_error_;
  const ClusterContext context_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> leaving_;  // no longer found, with calls under way
  Balancer balancer_;
  Discovery discovery_;
  bool sweeping_ = false;
  bool closing_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // handlers that outlive the cluster see this expired
};

}  // namespace stratus::gateway::upstream
