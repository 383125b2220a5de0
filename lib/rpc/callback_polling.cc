#include "lib/rpc/callback_polling.h"

#include <pthread.h>

#include <thread>

#include "grpc/grpc.h"
#include "grpcpp/completion_queue.h"

namespace stratus::rpc {
namespace {

// gRPC has no public way to the queue that its stand-in threads serve. An explicit instantiation may name a private
// member ([temp.spec.general]/6), so this compiles as long as the member exists and fails loudly when it goes.
template <auto kAccessor>
struct CallbackQueueAccess {
  friend grpc::CompletionQueue* CallbackQueue() { return kAccessor(); }
};
grpc::CompletionQueue* CallbackQueue();

}  // namespace
}  // namespace stratus::rpc

template struct stratus::rpc::CallbackQueueAccess<&grpc::CompletionQueue::CallbackAlternativeCQ>;

namespace stratus::rpc {
namespace {

// What gRPC's own threads do, but for the sleep.
void ServeCallbacks(grpc_completion_queue* queue) {
  pthread_setname_np(pthread_self(), kCallbackThreadName);
  for (;;) {
    const grpc_event event = grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), nullptr);
    if (event.type == GRPC_QUEUE_SHUTDOWN) return;
    if (event.type != GRPC_OP_COMPLETE) continue;
    auto* functor = static_cast<grpc_completion_queue_functor*>(event.tag);
    functor->functor_run(functor, event.success);
  }
}

}  // namespace

void KeepCallbackQueuePolled() {
  // The reference that CallbackQueue() took is never given back, so the queue outlives the thread. Never joined: there
  // is no event that would wake it alone, and it holds nothing that the end of the process would have to release.
  static const bool started = [] {
    std::thread(ServeCallbacks, CallbackQueue()->cq()).detach();
    return true;
  }();
  static_cast<void>(started);
}

}  // namespace stratus::rpc
