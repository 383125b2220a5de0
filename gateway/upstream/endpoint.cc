#include "gateway/upstream/endpoint.h"

#include <algorithm>
#include <utility>

#include "lib/core/log.h"

namespace stratus::gateway::upstream {

Endpoint::Endpoint(const ClusterContext& context, EndpointAddress address, Owner* owner)
    : context_(context),
      address_(std::move(address)),
      owner_(owner),
      ejection_([](void* self) { static_cast<Endpoint*>(self)->OnEjectionOver(); }, this),
      unary_(Kind::kUnary, context, address_, &load_, this),
      streaming_(Kind::kStreaming, context, address_, &load_, this) {
  const HealthCheckOptions& check = context.options.health_check;
  if (!check.enabled) return;
  const core::Address& address_of_cluster = context.options.address;
  std::string authority = address_of_cluster.is_unix() ? "localhost" : address_of_cluster.ToString();
  HealthChecker::Target* target = this;
  health_ = std::make_unique<HealthChecker>(context.timers, check, std::move(authority), address_.name, context.stats,
                                            target);
}

Endpoint::~Endpoint() = default;

EndpointState Endpoint::state() const {
  if (draining_) return EndpointState::kDraining;
  if (!healthy_) return EndpointState::kUnhealthy;
  if (ejected_) return EndpointState::kEjected;
  if (unary_.unreachable() || streaming_.unreachable()) return EndpointState::kUnreachable;
  return EndpointState::kServing;
}

void Endpoint::Eject() {
  const OutlierOptions& options = context_.options.outlier;
  const int64_t now = TimerQueue::Now();
  if (now - ejection_over_ns_ > absl::ToInt64Nanoseconds(options.ejection_max)) ejections_ = 0;
  ++ejections_;
  const absl::Duration pause = std::min(options.ejection_min * ejections_, options.ejection_max);
  ejected_ = true;
  context_.stats->ejections.Add();
  context_.timers->Arm(&ejection_, now + absl::ToInt64Nanoseconds(pause));
  core::Log(core::Severity::kWarning, "upstream endpoint ejected: its calls fail",
            {{"endpoint", address_.name},
             {"failures_in_a_row", load_.failures},
             {"timeouts_in_a_row", load_.timeouts},
             {"seconds", absl::ToDoubleSeconds(pause)}});
  owner_->OnEligibilityChanged();
}

void Endpoint::OnEjectionOver() {
  ejected_ = false;
  ejection_over_ns_ = TimerQueue::Now();
  load_.failures = load_.timeouts = 0;
  owner_->OnEligibilityChanged();
}

void Endpoint::Drain() {
  draining_ = true;
  health_ = nullptr;
  ejection_.Disarm();
  unary_.Drain();
  streaming_.Drain();
}

void Endpoint::OnConnected(Kind kind) {
  if (health_ != nullptr && kind == Kind::kUnary) health_->OnCapacity();
  owner_->OnConnected(kind);
}

void Endpoint::OnCapacity(Kind kind) {
  if (health_ != nullptr && kind == Kind::kUnary) health_->OnCapacity();
  owner_->OnCapacity(kind);
}

void Endpoint::OnConnectFailed(Kind kind, const absl::Status& status) {
  if (health_ != nullptr && kind == Kind::kUnary) health_->OnConnectFailed();
  owner_->OnConnectFailed(kind, status);
}

void Endpoint::OnFailure() {
  const OutlierOptions& options = context_.options.outlier;
  const bool failing = options.consecutive_failures > 0 && load_.failures >= options.consecutive_failures;
  const bool silent = options.consecutive_timeouts > 0 && load_.timeouts >= options.consecutive_timeouts;
  if ((failing || silent) && !ejected_ && !draining_) owner_->OnFailing(this);
}

// Proof enough: it need not fail again and again.
void Endpoint::OnUnresponsive() {
  if (context_.options.outlier.consecutive_timeouts > 0 && !ejected_ && !draining_) owner_->OnFailing(this);
}

void Endpoint::DropHealthCall(ClientCall* call) { context_.calls->Release(call); }

void Endpoint::OnHealth(bool healthy) {
  healthy_ = healthy;
  owner_->OnEligibilityChanged();
}

}  // namespace stratus::gateway::upstream
