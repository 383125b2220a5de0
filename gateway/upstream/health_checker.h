// Asks one endpoint again and again whether it serves: grpc.health.v1.Health/Check, over the connections its calls use.
#pragma once

#include <string>
#include <string_view>

#include "gateway/upstream/cluster_options.h"
#include "gateway/upstream/connection.h"
#include "gateway/upstream/upstream.h"

namespace stratus::gateway::upstream {

// Whether a Check's reply, gRPC prefix included, says SERVING.
bool SaysServing(std::string_view reply);

class HealthChecker final : private CallObserver {
 public:
  class Target {
   public:
    // A connection for the check, or null; OnCapacity or OnConnectFailed is called later then.
    virtual Connection* HealthConnection() = 0;
    virtual ClientCall* NewHealthCall() = 0;
    // Takes back a call that no connection took.
    virtual void DropHealthCall(ClientCall* call) = 0;
    virtual void OnHealth(bool healthy) = 0;

   protected:
    ~Target() = default;
  };

  // Begins with the first check. `name` is the endpoint's, for the log.
  HealthChecker(TimerQueue* timers, const HealthCheckOptions& options, std::string authority, std::string name,
                ClusterStats* stats, Target* target);
  ~HealthChecker();

  void OnCapacity();
  void OnConnectFailed();

 private:
  // CallObserver
  void OnHead(absl::Span<const http::Header>) override {}
  void OnData(std::string_view piece) override;
  void OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) override;
  void OnDrained() override {}

  void OnTimer();
  void Begin();
  void Send();
  void Finish(bool passed, std::string_view why);

  static constexpr size_t kReplyBytesMax = 1024;

  TimerQueue* timers_;
  const HealthCheckOptions& options_;
  const std::string authority_;
  const std::string name_;
  ClusterStats* stats_;
  Target* target_;
  Timer timer_;
  bool running_ = false;
  ClientCall* call_ = nullptr;  // null while it waits for a connection
  std::string reply_;
  bool healthy_ = true;
  bool decided_ = false;  // the first check has ended
  bool told_unimplemented_ = false;
  int in_a_row_ = 0;  // checks that contradict healthy_
};

}  // namespace stratus::gateway::upstream
