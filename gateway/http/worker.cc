#include "gateway/http/worker.h"

#include <chrono>
#include <future>
#include <utility>

#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/post.hpp"

namespace stratus::gateway::http {
namespace {

// What is kept of large buffers goes back when it has not been used for one to two of these.
constexpr std::chrono::seconds kGiveBackEvery(1);

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Start(ListenSocket socket, const Limits& limits,
                                                      std::shared_ptr<ConnectionQuota> quota, ServiceFactory factory,
                                                      std::shared_ptr<TlsServerContext> tls) {
  std::unique_ptr<Worker> worker(new Worker);  // the constructor is private
  worker->address_ = socket.address();
  std::promise<absl::Status> started;
  std::future<absl::Status> start = started.get_future();
  worker->thread_ = std::thread([self = worker.get(), &started, moved = std::move(socket), &limits, &quota,
                                 factory = std::move(factory), tls = std::move(tls)]() mutable {
    LargeBlocks blocks(&self->kept_bytes_, [self, &blocks] { self->GiveBackLater(&blocks); });
    const auto keep_running = boost::asio::make_work_guard(self->loop_);
    absl::Status status = self->SetUp(std::move(moved), limits, std::move(quota), factory, std::move(tls));
    const bool ok = status.ok();
    started.set_value(std::move(status));
    if (ok) self->loop_.run();
    self->End();
  });
  const absl::Status status = start.get();
  if (!status.ok()) return status;
  return worker;
}

absl::Status Worker::SetUp(ListenSocket socket, const Limits& limits, std::shared_ptr<ConnectionQuota> quota,
                           const ServiceFactory& factory, std::shared_ptr<TlsServerContext> tls) {
  auto service = factory(loop_);
  if (!service.ok()) return service.status();
  service_ = *std::move(service);
  listener_ =
      std::make_unique<Listener>(loop_, std::move(socket), service_.get(), limits, std::move(quota), std::move(tls));
  listener_->Start();
  return absl::OkStatus();
}

void Worker::GiveBackLater(LargeBlocks* blocks) {
  give_back_.expires_after(kGiveBackEvery);
  give_back_.async_wait([this, blocks](const boost::system::error_code& error) {
    if (!error && blocks->GiveBackUnused()) GiveBackLater(blocks);
  });
}

// On the worker's thread. The listener first: its exchanges are aborted into a service that still lives.
void Worker::End() {
  if (listener_ != nullptr) listener_->Close();
  service_.reset();
}

void Worker::Drain(absl::Duration deadline) {
  boost::asio::post(loop_, [this, deadline] { listener_->Drain(deadline, [this] { loop_.stop(); }); });
}

void Worker::Join() {
  if (thread_.joinable()) thread_.join();
}

Worker::~Worker() {
  loop_.stop();
  Join();
}

absl::StatusOr<std::vector<std::unique_ptr<Worker>>> StartWorkers(const core::Address& address, int threads,
                                                                  const Limits& limits, const ServiceFactory& factory,
                                                                  std::shared_ptr<TlsServerContext> tls,
                                                                  std::shared_ptr<ConnectionQuota> quota) {
  auto first = ListenSocket::Bind(address);
  if (!first.ok()) return first.status();
  std::vector<ListenSocket> sockets;
  sockets.push_back(*std::move(first));
  for (int i = 1; i < threads; ++i) {
    auto next = sockets.front().Share();
    if (!next.ok()) return next.status();
    sockets.push_back(*std::move(next));
  }
  if (quota == nullptr) quota = std::make_shared<ConnectionQuota>(limits);
  std::vector<std::unique_ptr<Worker>> workers;
  for (ListenSocket& socket : sockets) {
    auto worker = Worker::Start(std::move(socket), limits, quota, factory, tls);
    if (!worker.ok()) return worker.status();
    workers.push_back(*std::move(worker));
  }
  return workers;
}

void DrainWorkers(const std::vector<std::unique_ptr<Worker>>& workers, absl::Duration deadline) {
  for (const auto& worker : workers) worker->Drain(deadline);
  for (const auto& worker : workers) worker->Join();
}

}  // namespace stratus::gateway::http
