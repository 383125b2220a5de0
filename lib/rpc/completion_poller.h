// Keeps a thread waiting on gRPC's sockets.
//
// A callback-API server of gRPC 1.51 has no poller of its own on Linux: its stand-in threads poll for 100 ms, then
// sleep for 100 ms, so the first call after a pause often waits for one to wake. With the epoll1 engine every socket of
// the process is in one epoll set, and whoever polls any completion queue serves all of them: one thread blocked in
// Next() on a queue that nothing is ever put on closes the gap, and costs nothing while idle. `rpc_idle_bench` measures
// it.
#pragma once

#include <memory>
#include <thread>

#include "grpcpp/completion_queue.h"

namespace stratus::rpc {

class CompletionPoller {
 public:
  // For a server: a queue from ServerBuilder::AddCompletionQueue. Destroy after Server::Shutdown. For a process with
  // channels alone: a queue of its own.
  explicit CompletionPoller(std::unique_ptr<grpc::CompletionQueue> queue = std::make_unique<grpc::CompletionQueue>());
  ~CompletionPoller();
  CompletionPoller(const CompletionPoller&) = delete;
  CompletionPoller& operator=(const CompletionPoller&) = delete;

 private:
  const std::unique_ptr<grpc::CompletionQueue> queue_;
  std::thread thread_;
};

}  // namespace stratus::rpc
