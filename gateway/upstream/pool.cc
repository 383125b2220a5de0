#include "gateway/upstream/pool.h"

#include <algorithm>
#include <utility>

#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {

Pool::Pool(Kind kind, const ClusterContext& context, const EndpointAddress& address, EndpointLoad* load, Owner* owner)
    : kind_(kind), context_(context), address_(address), load_(load), owner_(owner) {
  slots_.resize(static_cast<size_t>(std::clamp(context.options.connections, 1, kConnectionsMax)));
}

Pool::~Pool() {
  for (Slot& slot : slots_) {
    if (slot.connector) slot.connector->Stop();
    if (slot.connection) slot.connection->Shutdown();
  }
  for (const auto& connection : draining_) connection->Shutdown();
}

Connection* Pool::Ready() {
  if (draining_pool_) return nullptr;
  const size_t first = next_++ % slots_.size();
  for (size_t i = 0; i < slots_.size(); ++i) {
    const size_t index = (first + i) % slots_.size();
    Slot& slot = slots_[index];
    if (slot.connection != nullptr) {
      if (slot.connection->HasCapacity()) return slot.connection.get();
    } else if (slot.connector == nullptr && (slot.failures == 0 || TimerQueue::Now() >= slot.retry_at_ns)) {
      Connect(index);
    }
  }
  return nullptr;
}

bool Pool::promising() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.connector != nullptr || slot.connection != nullptr; });
}

bool Pool::unreachable() const {
  return std::all_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.connection == nullptr && slot.failures > 0; });
}

void Pool::Connect(size_t slot_index) {
  Slot& slot = slots_[slot_index];
  slot.connector = std::make_shared<Connector>(context_.io, context_.timers, address_, context_.options.tls.get());
  slot.connector->Start(context_.options.connect_timeout, [this, &slot](absl::StatusOr<http::TransportPtr> transport) {
    OnConnected(&slot, std::move(transport));
  });
}

void Pool::OnConnected(Slot* slot, absl::StatusOr<http::TransportPtr> transport) {
  slot->connector = nullptr;
  if (!transport.ok()) {
    OnConnectFailed(slot, transport.status());
    return;
  }
  slot->failures = 0;
  ConnectionOptions connection;
  connection.name = address_.name;
  connection.keepalive_interval = context_.options.keepalive_interval;
  connection.keepalive_timeout = context_.options.keepalive_timeout;
  connection.timeout_min = context_.options.outlier.timeout_min;
  slot->connection =
      std::make_shared<Connection>(*std::move(transport), std::move(connection),
                                   Connection::Surroundings{context_.io, context_.timers, context_.memory, load_,
                                                            context_.stats, context_.calls, this});
  slot->connection->Begin();
  owner_->OnConnected(kind_);
}

void Pool::OnConnectFailed(Slot* slot, const absl::Status& status) {
  const ClusterOptions& options = context_.options;
  const absl::Duration pause = std::min(options.backoff_max, options.backoff_min * (1 << std::min(slot->failures, 10)));
  ++slot->failures;
  slot->retry_at_ns = TimerQueue::Now() + absl::ToInt64Nanoseconds(pause * (0.8 + 0.4 * core::RandomFraction()));
  context_.stats->connect_failures.Add();
  if (slot->failures == 1) {
    core::Log(core::Severity::kWarning, "upstream unreachable",
              {{"upstream", options.address.ToString()},
               {"endpoint", address_.name},
               {"error", core::ToStd(status.message())}});
  }
  owner_->OnConnectFailed(kind_, status);
}

void Pool::Drain() {
  draining_pool_ = true;
  for (Slot& slot : slots_) {
    if (slot.connector) slot.connector->Stop();
    slot.connector = nullptr;
    if (slot.connection == nullptr) continue;
    const std::shared_ptr<Connection> connection = slot.connection;
    connection->Drain();  // moves it to draining_
  }
}

void Pool::OnCapacity() { owner_->OnCapacity(kind_); }

void Pool::OnFailure() { owner_->OnFailure(); }

void Pool::OnUnresponsive() { owner_->OnUnresponsive(); }

void Pool::OnDraining(Connection* connection) {
  for (Slot& slot : slots_) {
    if (slot.connection.get() == connection) draining_.push_back(std::move(slot.connection));
  }
}

void Pool::OnClosed(Connection* connection) {
  const auto at = std::find_if(draining_.begin(), draining_.end(),
                               [connection](const auto& other) { return other.get() == connection; });
  if (at != draining_.end()) draining_.erase(at);
  owner_->OnDisconnected(kind_);
}

}  // namespace stratus::gateway::upstream
