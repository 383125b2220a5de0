// A gRPC C++ server of the Shapes service: what stands behind the gateway in its tests.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "google/protobuf/descriptor.pb.h"

namespace grpc {
class Server;
}

namespace stratus::gateway::testing {

// The Shapes service with all it imports, as `protoc --include_imports` gives it.
google::protobuf::FileDescriptorSet ShapesDescriptors();

class ShapesServer {
 public:
  // Listens on `address` (`127.0.0.1:0`, `unix:PATH`).
  explicit ShapesServer(const std::string& address = "127.0.0.1:0");
  ~ShapesServer();

  // As bound.
  const std::string& address() const { return address_; }
  // Calls of Wait, and of Collect and Get that waited, that ended because the caller went away or the deadline passed.
  int cancelled() const { return cancelled_; }
  // Calls of Wait that have begun.
  int waiting() const { return waiting_; }
  // Calls of Get and Find that have begun.
  int gets() const { return gets_; }
  // Lets Get and Find fail with this code from now on; 0: succeed.
  void FailWith(int code) { failure_ = code; }
  // Messages that Collect has read.
  int collected() const { return collected_; }
  // Lets Collect go on after a message named `wait`, and Get with an item named `slow`.
  void Release() { released_ = true; }
  void Hold() { released_ = false; }
  // Messages that Stream has handed to gRPC.
  int streamed() const { return streamed_; }

 private:
  class Service;

  std::string address_;
  std::atomic<int> cancelled_{0};
  std::atomic<int> waiting_{0};
  std::atomic<int> streamed_{0};
  std::atomic<int> collected_{0};
  std::atomic<int> gets_{0};
  std::atomic<int> failure_{0};
  std::atomic<bool> released_{false};
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace stratus::gateway::testing
