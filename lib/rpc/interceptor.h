// Decides, for each call, whether it may go on. It cannot end a call (gRPC gives interceptors no way to set a status
// before the handler runs): it writes its verdict into the CallContext, and the adapters enforce it.
#pragma once

#include <memory>

#include "grpcpp/support/server_interceptor.h"
#include "lib/auth/authenticator.h"
#include "lib/auth/policy.h"
#include "lib/rpc/call_observer.h"

namespace stratus::telemetry {
class Tracer;
}

namespace stratus::rpc {

class CallInterceptorFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  // `policies`, `observer` and `tracer` (both may be null) outlive the server. A null `authenticator` admits every
  // call: Server::Start is where that has to be asked for.
  CallInterceptorFactory(const auth::PolicyTable* policies, std::shared_ptr<auth::Authenticator> authenticator,
                         CallObserver* observer, const telemetry::Tracer* tracer)
      : policies_(policies), authenticator_(std::move(authenticator)), observer_(observer), tracer_(tracer) {}

  // Null for calls of methods that no service has: gRPC answers those itself.
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override;

 private:
  const auth::PolicyTable* const policies_;
  const std::shared_ptr<auth::Authenticator> authenticator_;
  CallObserver* const observer_;
  const telemetry::Tracer* const tracer_;
};

}  // namespace stratus::rpc
