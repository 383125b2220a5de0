// ModuleService over gRPC: begins a run of the direct form and waits for it, holding no thread.
#pragma once

#include "services/provisioning/service/api/direct_form.h"
#include "services/provisioning/service/api/run_follower.h"
#include "stratus/provisioning/v1/provisioning.grpc.pb.h"

namespace stratus::provisioning::service {

class ModuleGrpcService final : public v1::ModuleService::CallbackService {
 public:
  // All outlive it.
  ModuleGrpcService(const ApiParts& parts, RunFollower::Parts waiting)
      : settings_(parts.settings), waiting_(waiting), direct_(parts) {}

  grpc::ServerUnaryReactor* ApplyModule(grpc::CallbackServerContext* context, const v1::ApplyModuleRequest* request,
                                        v1::DirectReply* response) override;
  grpc::ServerUnaryReactor* DestroyModule(grpc::CallbackServerContext* context, const v1::DestroyModuleRequest* request,
                                          v1::DirectReply* response) override;

 private:
  const ApiSettings& settings_;
  const RunFollower::Parts waiting_;
  DirectForm direct_;
};

// How long a call of the direct form waits: what it prefers, or the default; at most the maximum, and always less than
// the call's deadline. Whole seconds where it was asked for, as that is what Preference-Applied tells.
struct DirectWait {
  absl::Duration wait;
  bool asked_for = false;
};
DirectWait DirectWaitOf(std::string_view prefer, absl::Time deadline, absl::Time now, const ApiSettings& settings);

}  // namespace stratus::provisioning::service
