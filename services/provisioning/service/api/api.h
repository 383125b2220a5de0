// The API half of the service: four gRPC services over a store.
//
//   absl::StatusOr<std::unique_ptr<service::Api>> api = service::Api::Create(parts);
//   rpc::ServerOptions options;
//   (*api)->AddTo(&options);
//   ...
//   (*api)->Drain();        // first: who waits is answered
//   server->Drain(grace);   // then calls end
//   (*api)->Stop();         // then what they ran on
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "services/provisioning/service/api/api_parts.h"

namespace stratus::rpc {
struct ServerOptions;
}
namespace stratus::telemetry {
class Snapshot;
}

namespace stratus::provisioning::service {

class Api {
 public:
  // INVALID_ARGUMENT: settings out of range, or parts that are missing.
  static absl::StatusOr<std::unique_ptr<Api>> Create(const ApiParts& parts);
  ~Api();

  // ProvisioningService, ModuleService, CredentialService, AuditService and google.longrunning.Operations.
  void AddTo(rpc::ServerOptions* options);

  // Answers all who wait for a run, before the server drains: the direct form with 202, WaitOperation with what there
  // is, WatchRun with UNAVAILABLE.
  void Drain();

  // Runs what is queued, lets go of waiters. After the server has drained.
  void Stop();

  // stratus_provisioning_api_*.
  void WriteMetrics(telemetry::Snapshot& out) const;

 private:
  class Impl;
  explicit Api(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::provisioning::service
