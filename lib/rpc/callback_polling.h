// Cures gRPC's stall after a pause.
//
// On Linux gRPC 1.51 runs the callbacks of callback-API servers and channels on stand-in threads. Each waits on one
// completion queue for 1 s, and when nothing came it sleeps for 100 ms. Between 1.0 and 1.1 s after the last call they
// often all sleep, and a call that comes then waits for one to wake: up to 100 ms. A thread more that waits on the same
// queue without ever sleeping closes the gap, and costs nothing while idle. rpc_idle_bench measures both.
#pragma once

namespace stratus::rpc {

// As `ps -L` and /proc show it.
inline constexpr char kCallbackThreadName[] = "rpc-callbacks";

// Starts that thread, once for the whole process and until its end. Server::Start calls it; a process that only has
// channels and uses their callback API may do so too.
void KeepCallbackQueuePolled();

}  // namespace stratus::rpc
