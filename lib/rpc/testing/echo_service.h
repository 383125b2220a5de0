// The service that the tests of lib/rpc call, and an authenticator that decides by the token's text.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/auth/authenticator.h"
#include "lib/core/mutex.h"
#include "lib/rpc/server_stream.h"
#include "lib/rpc/testing/echo.grpc.pb.h"
#include "lib/rpc/unary.h"

namespace stratus::rpc::testing {

using v1::EchoRequest;
using v1::EchoResponse;
using EchoCall = std::shared_ptr<UnaryCall<EchoRequest, EchoResponse>>;
using EchoStreamCall = std::shared_ptr<ServerStreamCall<EchoRequest, EchoResponse>>;

// Answers at once with the request's text, unless a test sets another handler (before the server starts).
class EchoService final : public v1::EchoService::CallbackService {
 public:
  std::function<void(EchoCall)> on_echo;
  std::function<void(EchoStreamCall)> on_stream;

  // To be called once the handlers are set: the thread sanitizer does not see how gRPC hands a call to the thread that
  // handles it, so this is where what was written before the start happens before what the handlers do.
  void Open() { entered_.store(0); }

  int entered() const { return entered_.load(); }

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoRequest* request,
                                 EchoResponse* response) override;
  grpc::ServerUnaryReactor* PublicEcho(grpc::CallbackServerContext* context, const EchoRequest* request,
                                       EchoResponse* response) override;
  grpc::ServerUnaryReactor* Undeclared(grpc::CallbackServerContext* context, const EchoRequest* request,
                                       EchoResponse* response) override;
  grpc::ServerWriteReactor<EchoResponse>* EchoStream(grpc::CallbackServerContext* context,
                                                     const EchoRequest* request) override;

 private:
  grpc::ServerUnaryReactor* Enter(grpc::CallbackServerContext* context, const EchoRequest* request,
                                  EchoResponse* response);

  std::atomic<int> entered_{0};
};

// `Bearer good` carries the scope test/echo, `Bearer narrow` another one; `Bearer later` is decided by Release(), as if
// keys were being fetched; everything else is a bad token.
class FakeAuthenticator final : public auth::Authenticator {
 public:
  auth::Outcome Check(absl::Span<const std::string_view> authorization, const auth::Policy& policy) override;
  void CheckLater(absl::Span<const std::string_view> authorization, const auth::Policy& policy,
                  std::function<void(auth::Outcome)> done) override;

  // Waits until `count` calls are held, then decides all of them on this thread: as `good`, or as unavailable.
  void Release(size_t count, bool good);

 private:
  struct Held {
    const auth::Policy* policy;
    std::function<void(auth::Outcome)> done;
  };
  core::Mutex mutex_;
  core::CondVar changed_;
  std::vector<Held> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::rpc::testing
