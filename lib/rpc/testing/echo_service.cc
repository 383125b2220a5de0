#include "lib/rpc/testing/echo_service.h"

#include <utility>

namespace stratus::rpc::testing {

grpc::ServerUnaryReactor* EchoService::Enter(grpc::CallbackServerContext* context, const EchoRequest* request,
                                             EchoResponse* response) {
  return Unary(context, request, response, [this](EchoCall call) {
    entered_.fetch_add(1);
    if (on_echo) return on_echo(std::move(call));
    call->response().set_text(call->request().text());
    call->Finish(absl::OkStatus());
  });
}

grpc::ServerUnaryReactor* EchoService::Echo(grpc::CallbackServerContext* context, const EchoRequest* request,
                                            EchoResponse* response) {
  return Enter(context, request, response);
}

grpc::ServerUnaryReactor* EchoService::PublicEcho(grpc::CallbackServerContext* context, const EchoRequest* request,
                                                  EchoResponse* response) {
  return Enter(context, request, response);
}

grpc::ServerUnaryReactor* EchoService::Undeclared(grpc::CallbackServerContext* context, const EchoRequest* request,
                                                  EchoResponse* response) {
  return Enter(context, request, response);
}

grpc::ServerWriteReactor<EchoResponse>* EchoService::EchoStream(grpc::CallbackServerContext* context,
                                                                const EchoRequest* request) {
  return ServerStream<EchoResponse>(context, request, [this](EchoStreamCall call) {
    entered_.fetch_add(1);
    if (on_stream) return on_stream(std::move(call));
    call->Finish(absl::OkStatus());
  });
}

namespace {

auth::Outcome Decide(std::string_view scope, const auth::Policy& policy) {
  auto principal = std::make_shared<auth::Principal>();
  principal->client_id = "client-1";
  principal->tenant = "tenant-1";
  principal->scopes = {std::string(scope)};
  if (!policy.Allows(*principal)) {
    return {.result = auth::Outcome::Class::kInsufficientScope, .principal = nullptr, .reason = "scope"};
  }
  return {.result = auth::Outcome::Class::kAllowed, .principal = std::move(principal)};
}

}  // namespace

auth::Outcome FakeAuthenticator::Check(absl::Span<const std::string_view> authorization, const auth::Policy& policy) {
  using Class = auth::Outcome::Class;
  if (policy.kind == auth::Policy::Kind::kPublic) return {.result = Class::kAllowed, .principal = nullptr};
  if (policy.kind == auth::Policy::Kind::kDenied) return {.result = Class::kDenied, .principal = nullptr};
  if (authorization.empty()) return {.result = Class::kNoToken, .principal = nullptr, .reason = "no token"};
  if (authorization.size() > 1) return {.result = Class::kMalformedRequest, .principal = nullptr};
  if (authorization[0] == "Bearer good") return Decide("test/echo", policy);
  if (authorization[0] == "Bearer narrow") return Decide("test/other", policy);
  if (authorization[0] == "Bearer later") return {.result = Class::kPending, .principal = nullptr};
  return {.result = Class::kBadToken, .principal = nullptr, .reason = "bad"};
}

void FakeAuthenticator::CheckLater(absl::Span<const std::string_view>, const auth::Policy& policy,
                                   std::function<void(auth::Outcome)> done) {
  core::MutexLock lock(mutex_);
  held_.push_back({&policy, std::move(done)});
  changed_.NotifyAll();
}

void FakeAuthenticator::Release(size_t count, bool good) {
  std::vector<Held> released;
  {
    core::MutexLock lock(mutex_);
    while (held_.size() < count) changed_.Wait(lock);
    released.swap(held_);
  }
  for (Held& held : released) {
    held.done(good ? Decide("test/echo", *held.policy)
                   : auth::Outcome{.result = auth::Outcome::Class::kUnavailable, .principal = nullptr});
  }
}

}  // namespace stratus::rpc::testing
