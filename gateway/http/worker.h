// A thread with a loop, a listener and the service that answers on it.
//
//   auto workers = http::StartWorkers(address, 2, limits, [](boost::asio::io_context& loop) {
//     return std::make_unique<Proxy>(loop, ...);
//   });
//   ... workers->front()->address() ...
//   http::DrainWorkers(*workers, absl::Seconds(20));
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/steady_timer.hpp"
#include "gateway/http/listener.h"
#include "gateway/loop/large_blocks.h"

namespace stratus::gateway::http {

// Makes the service of a worker, on the worker's thread, before the first connection is accepted. The service is
// destroyed on that thread too, once no exchange is left and before the loop goes.
using ServiceFactory = std::function<absl::StatusOr<std::unique_ptr<Service>>(boost::asio::io_context& loop)>;

class Worker {
 public:
  // Starts the thread and waits until it serves, or returns why it cannot.
  static absl::StatusOr<std::unique_ptr<Worker>> Start(ListenSocket socket, const Limits& limits,
                                                       std::shared_ptr<ConnectionQuota> quota, ServiceFactory factory,
                                                       std::shared_ptr<TlsServerContext> tls = nullptr);
  // Cuts what is in flight unless Drain has ended, then joins the thread.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const core::Address& address() const { return address_; }
  const ListenerStats& stats() const { return listener_->stats(); }
  // Memory of large buffers that is kept for the next ones. Any thread.
  uint64_t kept_bytes() const { return kept_bytes_.load(std::memory_order_relaxed); }
  // For posting to; anything else about the loop belongs to its thread.
  boost::asio::io_context& loop() { return loop_; }
  // Listener::Drain from any thread; returns at once. A second call does nothing.
  void Drain(absl::Duration deadline);
  // Waits for the end of the thread, which follows a Drain.
  void Join();

 private:
  Worker() = default;

  absl::Status SetUp(ListenSocket socket, const Limits& limits, std::shared_ptr<ConnectionQuota> quota,
                     const ServiceFactory& factory, std::shared_ptr<TlsServerContext> tls);
  void GiveBackLater(LargeBlocks* blocks);
  void End();

  boost::asio::io_context loop_{1};
  boost::asio::steady_timer give_back_{loop_};
  std::atomic<uint64_t> kept_bytes_{0};
  core::Address address_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

// `threads` workers on one address and under one quota of connections; null: what `limits` say. With `tls`, clients
// have to speak it.
absl::StatusOr<std::vector<std::unique_ptr<Worker>>> StartWorkers(const core::Address& address, int threads,
                                                                  const Limits& limits, const ServiceFactory& factory,
                                                                  std::shared_ptr<TlsServerContext> tls = nullptr,
                                                                  std::shared_ptr<ConnectionQuota> quota = nullptr);

// Drains all of them at once and waits for their end.
void DrainWorkers(const std::vector<std::unique_ptr<Worker>>& workers, absl::Duration deadline);

}  // namespace stratus::gateway::http
