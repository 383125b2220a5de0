#include "gateway/upstream/pool.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {

Pool::Pool(boost::asio::io_context& io, TimerQueue* timers, nghttp2_mem* memory, const ClusterOptions& options,
           CallOwner* calls)
    : io_(io), timers_(timers), memory_(memory), options_(options), calls_(calls) {
  slots_.resize(static_cast<size_t>(std::clamp(options.connections, 1, kConnectionsMax)));
}

Pool::~Pool() {
  for (Slot& slot : slots_) {
    if (slot.connector) slot.connector->Stop();
    if (slot.connection) slot.connection->Shutdown();
  }
  for (const auto& connection : draining_) connection->Shutdown();
}

void Pool::Start(ClientCall* call) {
  if (Connection* connection = Pick()) {
    if (connection->Submit(call)) return;
    Start(call);  // that connection has just begun to drain: Pick will not name it again
    return;
  }
  if (!Connecting() && !Connected()) {
    FailLater(call, last_error_.ok() ? absl::UnavailableError("the upstream cannot be reached") : last_error_);
    return;
  }
  if (queue_.size() >= options_.queue_max) {
    FailLater(call, absl::UnavailableError(
                        absl::StrCat("too many calls wait for the upstream ", options_.address.ToString())));
    return;
  }
  queue_.push_back(call);
}

// The next connection that can take a call. Connects the slot whose turn it is when it has none.
Connection* Pool::Pick() {
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

bool Pool::Connecting() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.connector != nullptr; });
}

bool Pool::Connected() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.connection != nullptr; });
}

void Pool::Connect(size_t slot_index) {
  Slot& slot = slots_[slot_index];
  slot.connector = std::make_shared<Connector>(io_, timers_, options_.address);
  slot.connector->Start(rotation_++, options_.connect_timeout, [this, slot_index](absl::StatusOr<Socket> socket) {
    OnConnected(slot_index, std::move(socket));
  });
}

void Pool::OnConnected(size_t slot_index, absl::StatusOr<Socket> socket) {
  const size_t addresses = slots_[slot_index].connector->address_count();
  slots_[slot_index].connector = nullptr;
  GrowTo(addresses);
  Slot& slot = slots_[slot_index];
  if (!socket.ok()) {
    const absl::Duration pause =
        std::min(options_.backoff_max, options_.backoff_min * (1 << std::min(slot.failures, 10)));
    ++slot.failures;
    slot.retry_at_ns = TimerQueue::Now() + absl::ToInt64Nanoseconds(pause * (0.8 + 0.4 * core::RandomFraction()));
    if (slot.failures == 1) {
      core::Log(core::Severity::kWarning, "upstream unreachable",
                {{"upstream", options_.address.ToString()}, {"error", core::ToStd(socket.status().message())}});
    }
    last_error_ = socket.status();
    if (!Connecting() && !Connected()) FailQueue(last_error_);
    return;
  }
  slot.failures = 0;
  ConnectionOptions connection;
  connection.name = options_.address.ToString();
  connection.keepalive_interval = options_.keepalive_interval;
  connection.keepalive_timeout = options_.keepalive_timeout;
  slot.connection = std::make_shared<Connection>(*std::move(socket), timers_, memory_, std::move(connection), this);
  slot.connection->Begin();
  Drain();
}

// One connection for each address at least, so that round robin reaches all of them.
void Pool::GrowTo(size_t addresses) {
  const size_t wanted = std::min(addresses, static_cast<size_t>(kConnectionsMax));
  if (wanted > slots_.size()) slots_.resize(wanted);
}

void Pool::OnCapacity() {
  if (!queue_.empty()) Drain();
}

void Pool::Drain() {
  while (!queue_.empty()) {
    ClientCall* call = queue_.front();
    if (call->done()) {  // cancelled, or its deadline passed
      queue_.pop_front();
      calls_->Release(call);
      continue;
    }
    Connection* connection = Pick();
    if (connection == nullptr) return;
    queue_.pop_front();
    if (!connection->Submit(call)) queue_.push_front(call);
  }
}

void Pool::OnDraining(Connection* connection) {
  for (Slot& slot : slots_) {
    if (slot.connection.get() == connection) draining_.push_back(std::move(slot.connection));
  }
}

void Pool::OnClosed(Connection* connection) {
  const auto at = std::find_if(draining_.begin(), draining_.end(),
                               [connection](const auto& other) { return other.get() == connection; });
  if (at != draining_.end()) draining_.erase(at);
  if (queue_.empty()) return;
  Drain();  // connects again when calls wait
  if (!Connecting() && !Connected()) FailQueue(last_error_);
}

void Pool::OnRefused(ClientCall* call) { Start(call); }

void Pool::FailQueue(const absl::Status& status) {
  while (!queue_.empty()) {
    FailLater(queue_.front(), status);
    queue_.pop_front();
  }
}

void Pool::FailLater(ClientCall* call, absl::Status status) {
  call->failure = std::move(status);
  failing_.push_back(call);
  if (failing_.size() > 1) return;
  boost::asio::post(io_, [this, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired()) return;
    std::vector<ClientCall*> calls;
    calls.swap(failing_);
    for (ClientCall* failed : calls) {
      failed->End(failed->failure);
      calls_->Release(failed);
    }
  });
}

}  // namespace stratus::gateway::upstream
