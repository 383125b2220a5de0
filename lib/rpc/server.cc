#include "lib/rpc/server.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "lib/core/log.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"
#include "lib/rpc/bind_check.h"
#include "lib/rpc/call_context.h"
#include "lib/rpc/callback_polling.h"
#include "lib/rpc/descriptor_catalog.h"
#include "lib/rpc/interceptor.h"
#include "lib/rpc/reflection.h"

namespace stratus::rpc {
namespace {

int Milliseconds(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return std::numeric_limits<int>::max();
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void ApplyLimits(const ServerLimits& limits, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(limits.message_bytes_max);
  builder->SetResourceQuota(grpc::ResourceQuota("stratus").Resize(limits.buffer_bytes_max));
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, limits.metadata_bytes_max);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.concurrent_streams_max);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(limits.keepalive_time));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(limits.keepalive_timeout));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              Milliseconds(limits.ping_interval_min));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(limits.connection_age_max));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Milliseconds(limits.connection_age_grace));
  // Otherwise a second program could share the port in silence and take half of the calls.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

absl::Status CheckOptions(const ServerOptions& options) {
  if (options.listen.empty()) return absl::InvalidArgumentError("no address to listen on");
  if (options.authenticator == nullptr && !options.authentication_off) {
    return absl::InvalidArgumentError("no authenticator, and authentication was not turned off");
  }
  for (const ServerOptions::ServiceEntry& entry : options.services) {
    if (entry.service->has_synchronous_methods() || entry.service->has_async_methods() ||
        entry.service->has_generic_methods()) {
      return absl::InvalidArgumentError(
          absl::StrCat(entry.full_name, ": every method must be of the callback API (derive from CallbackService)"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> ServiceNames(const ServerOptions& options) {
  std::vector<std::string> names;
  for (const ServerOptions::ServiceEntry& entry : options.services) names.push_back(entry.full_name);
  for (const char* name :
       {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(ServerOptions options) : options_(std::move(options)) {}
  ~Impl() { Drain(absl::ZeroDuration()); }

  absl::Status Start() {
    if (absl::Status status = CheckOptions(options_); !status.ok()) return status;
    absl::StatusOr<std::unique_ptr<DescriptorCatalog>> catalog = DescriptorCatalog::Create(ServiceNames(options_));
    if (!catalog.ok()) return catalog.status();
    catalog_ = *std::move(catalog);
    absl::StatusOr<auth::PolicyTable> policies = auth::PolicyTable::Compile(catalog_->services(), options_.rules);
    if (!policies.ok()) return policies.status();
    policies_ = *std::move(policies);
    reflection_v1_ = NewReflectionV1(*catalog_);
    reflection_v1alpha_ = NewReflectionV1Alpha(*catalog_);
    for (const std::string& method : policies_.denied_methods()) {
      core::Log(core::Severity::kWarning, "method has no authorization and is denied to everyone",
                {{"method", method}});
    }
    return Serve();
  }

  void SetServing(bool serving) { server_->GetHealthCheckService()->SetServingStatus(serving); }

  void Drain(absl::Duration grace) {
    core::MutexLock lock(drain_mutex_);
    if (server_ == nullptr || drained_) return;
    drained_ = true;
    SetServing(false);
    server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  }

  const std::vector<std::string>& addresses() const { return addresses_; }
  const auth::PolicyTable& policies() const { return policies_; }

 private:
  absl::Status Serve() {
    // Read by BuildAndStart alone; every server of this process has the health service.
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    ApplyLimits(options_.limits, &builder);
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
    interceptors.push_back(std::make_unique<CallInterceptorFactory>(&policies_, options_.authenticator,
                                                                    options_.observer, options_.tracer));
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
    builder.SetContextAllocator(std::make_unique<CallContextAllocator>(options_.observer));
    for (const ServerOptions::ServiceEntry& entry : options_.services) builder.RegisterService(entry.service);
    builder.RegisterService(reflection_v1_.get());
    builder.RegisterService(reflection_v1alpha_.get());
    std::vector<int> ports(options_.listen.size(), 0);
    for (size_t i = 0; i < ports.size(); ++i) {
      if (absl::Status status = CheckBindable(options_.listen[i]); !status.ok()) return status;
      builder.AddListeningPort(options_.listen[i].ToString(), grpc::InsecureServerCredentials(), &ports[i]);
    }
    KeepCallbackQueuePolled();
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return absl::UnavailableError("gRPC could not start the server; its reason is in the log");
    }
    for (size_t i = 0; i < ports.size(); ++i) {
      core::Address bound = options_.listen[i];
      if (!bound.is_unix()) bound.port = static_cast<uint16_t>(ports[i]);
      addresses_.push_back(bound.ToString());
    }
    for (const std::string& name : catalog_->service_names()) {
      server_->GetHealthCheckService()->SetServingStatus(name, true);
    }
    SetServing(true);
    return absl::OkStatus();
  }

  const ServerOptions options_;
  std::unique_ptr<DescriptorCatalog> catalog_;
  auth::PolicyTable policies_;
  std::unique_ptr<grpc::Service> reflection_v1_;
  std::unique_ptr<grpc::Service> reflection_v1alpha_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::string> addresses_;
  core::Mutex drain_mutex_;
  bool drained_ ABSL_GUARDED_BY(drain_mutex_) = false;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

const std::vector<std::string>& Server::addresses() const { return impl_->addresses(); }
const std::vector<std::string>& Server::public_methods() const { return impl_->policies().public_methods(); }
const std::vector<std::string>& Server::denied_methods() const { return impl_->policies().denied_methods(); }
void Server::SetServing(bool serving) { impl_->SetServing(serving); }
void Server::Drain(absl::Duration grace) { impl_->Drain(grace); }

}  // namespace stratus::rpc
