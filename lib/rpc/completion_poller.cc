#include "lib/rpc/completion_poller.h"

#include <utility>

namespace stratus::rpc {

CompletionPoller::CompletionPoller(std::unique_ptr<grpc::CompletionQueue> queue)
    : queue_(std::move(queue)), thread_([queue = queue_.get()] {
        void* tag = nullptr;
        bool ok = false;
        while (queue->Next(&tag, &ok)) {
        }
      }) {}

CompletionPoller::~CompletionPoller() {
  queue_->Shutdown();
  thread_.join();
}

}  // namespace stratus::rpc
