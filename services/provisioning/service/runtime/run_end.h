// The end of a run: its status, what it leaves on its stack, and its lease given back, in one transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "services/provisioning/service/runtime/lease.h"
#include "services/provisioning/service/runtime/run_inputs.h"

namespace stratus::provisioning::service {

struct Ending {
  v1::RunStatus status = v1::RUN_STATUS_ERRORED;
  std::string reason = {};                                    // of the last event; may be empty
  std::optional<google::rpc::Status> error = {};              // of an end that is not what was asked for
  std::vector<std::string> notes = {};                        // of recovery
  std::optional<std::vector<v1::ResourceChange>> drift = {};  // of a REFRESH_ONLY run
};

// `inputs` may be null: then the run ended before it could be read. The work folder goes, unless a person has to look
// at the run.
absl::Status EndRun(const RuntimeParts& parts, Lease* lease, const RunInputs* inputs, const Ending& ending);

// {name: value} as the stack shows it: sensitive ones null. INVALID_ARGUMENT: not outputs.
absl::StatusOr<google::protobuf::Struct> MaskedOutputs(std::string_view outputs_json);

}  // namespace stratus::provisioning::service
