#include "services/provisioning/service/api/api.h"

#include <utility>

#include "lib/rpc/server.h"
#include "lib/telemetry/metrics.h"
#include "services/provisioning/service/api/audit_service.h"
#include "services/provisioning/service/api/credential_service.h"
#include "services/provisioning/service/api/fair_executor.h"
#include "services/provisioning/service/api/module_service.h"
#include "services/provisioning/service/api/operations_service.h"
#include "services/provisioning/service/api/provisioning_service.h"
#include "services/provisioning/service/api/run_hub.h"
#include "services/provisioning/service/audit_log.h"

namespace stratus::provisioning::service {

class Api::Impl {
 public:
  explicit Impl(const ApiParts& given)
      : parts(given),
        executor({parts.settings.threads, parts.settings.queue_max, parts.settings.queue_tenant_max}),
        hub(parts.store, {parts.settings.waiters_max, parts.settings.waiters_tenant_max, parts.settings.poll_interval}),
        runs(parts),
        provisioning(parts, {&executor, &hub}, &runs),
        modules(parts, {&executor, &hub}),
        audit(parts, &executor),
        credentials(parts, &executor),
        operations(parts, {&executor, &hub}, &runs) {}
  ~Impl() { Stop(); }

  void Stop() {
    hub.Stop();
    executor.Stop();
  }

  const ApiParts parts;
  FairExecutor executor;
  RunHub hub;
  Runs runs;
  ProvisioningGrpcService provisioning;
  ModuleGrpcService modules;
  AuditGrpcService audit;
  CredentialGrpcService credentials;
  OperationsGrpcService operations;
};

absl::StatusOr<std::unique_ptr<Api>> Api::Create(const ApiParts& parts) {
  if (parts.store == nullptr || parts.sealer == nullptr || parts.modules == nullptr || parts.credentials == nullptr ||
      parts.audit == nullptr || parts.clock == nullptr) {
    return absl::InvalidArgumentError("the API needs store, sealer, audit log, modules, credentials and clock");
  }
  if (absl::Status status = CheckSettings(parts.settings); !status.ok()) return status;
  return std::unique_ptr<Api>(new Api(std::make_unique<Impl>(parts)));
}

Api::Api(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Api::~Api() = default;

void Api::AddTo(rpc::ServerOptions* options) {
  options->AddService<v1::ProvisioningService>(&impl_->provisioning);
  options->AddService<v1::ModuleService>(&impl_->modules);
  options->AddService<v1::AuditService>(&impl_->audit);
  options->AddService<v1::CredentialService>(&impl_->credentials);
  options->AddService<google::longrunning::Operations>(&impl_->operations);
}

void Api::Drain() { impl_->hub.Drain(); }

void Api::Stop() { impl_->Stop(); }

void Api::WriteMetrics(telemetry::Snapshot& out) const {
  const FairExecutor::Stats stats = impl_->executor.stats();
  out.Gauge("stratus_provisioning_api_queued", "Calls that wait for a thread.", static_cast<double>(stats.queued));
  out.Gauge("stratus_provisioning_api_running", "Calls that have a thread.", static_cast<double>(stats.running));
  out.Counter("stratus_provisioning_api_refused_total", "Calls refused because the queue was full.",
              static_cast<double>(stats.refused));
  out.Gauge("stratus_provisioning_api_waiters", "Callers that wait for a run or watch one.",
            static_cast<double>(impl_->hub.waiters()));
  const AuditLog& audit = *impl_->parts.audit;
  out.Counter("stratus_provisioning_audit_copy_failures_total", "Audit records that the file could not be given.",
              static_cast<double>(audit.copy_failures()));
  out.Counter("stratus_provisioning_audit_refusals_left_out_total",
              "Refused attempts that were too many of one tenant to be kept.",
              static_cast<double>(audit.refusals_left_out()));
  out.Counter("stratus_provisioning_api_waiters_refused_total", "Waits refused because there were too many.",
              static_cast<double>(impl_->hub.refused()));
}

}  // namespace stratus::provisioning::service
