// One server of a cluster: its connections, what is known of its health, whether it is ejected.
#pragma once

#include <memory>
#include <string>

#include "gateway/upstream/health_checker.h"
#include "gateway/upstream/pool.h"

namespace stratus::gateway::upstream {

class Endpoint final : private Pool::Owner, private HealthChecker::Target {
 public:
  class Owner {
   public:
    virtual void OnConnected(Kind kind) = 0;
    virtual void OnCapacity(Kind kind) = 0;
    virtual void OnConnectFailed(Kind kind, const absl::Status& status) = 0;
    virtual void OnDisconnected(Kind kind) = 0;
    // Its calls have failed too often in a row: Eject it, or leave it.
    virtual void OnFailing(Endpoint* endpoint) = 0;
    // eligible() has changed.
    virtual void OnEligibilityChanged() = 0;
    virtual ClientCall* NewCall() = 0;

   protected:
    ~Owner() = default;
  };

  Endpoint(const ClusterContext& context, EndpointAddress address, Owner* owner);
  ~Endpoint();

  const EndpointAddress& address() const { return address_; }
  Pool& pool(Kind kind) { return kind == Kind::kUnary ? unary_ : streaming_; }
  // Calls under way.
  size_t streams() const { return load_.streams; }
  // Healthy as far as checks say, and not ejected.
  bool eligible() const { return healthy_ && !ejected_; }
  bool ejected() const { return ejected_; }
  EndpointState state() const;
  // Gives it no calls for a while, longer each time it follows the last one closely.
  void Eject();
  // Takes no new calls; drained() once those under way have ended.
  void Drain();
  bool drained() const { return unary_.idle() && streaming_.idle(); }

 private:
  // Pool::Owner
  void OnConnected(Kind kind) override;
  void OnCapacity(Kind kind) override;
  void OnConnectFailed(Kind kind, const absl::Status& status) override;
  void OnDisconnected(Kind kind) override { owner_->OnDisconnected(kind); }
  void OnFailure() override;
  void OnUnresponsive() override;

  // HealthChecker::Target
  Connection* HealthConnection() override { return unary_.Ready(); }
  ClientCall* NewHealthCall() override { return owner_->NewCall(); }
  void DropHealthCall(ClientCall* call) override;
  void OnHealth(bool healthy) override;

  void OnEjectionOver();

  const ClusterContext& context_;
  const EndpointAddress address_;
  Owner* owner_;
  EndpointLoad load_;
  bool healthy_ = true;
  bool ejected_ = false;
  bool draining_ = false;
  int ejections_ = 0;  // that followed each other closely
  int64_t ejection_over_ns_ = 0;
  Timer ejection_;
  Pool unary_;
  Pool streaming_;
  std::unique_ptr<HealthChecker> health_;  // null: no checks
};

}  // namespace stratus::gateway::upstream
