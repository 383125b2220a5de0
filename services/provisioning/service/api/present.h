// Rows as callers see them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "google/longrunning/operations.pb.h"
#include "google/protobuf/struct.pb.h"
#include "services/provisioning/service/api/api_parts.h"

namespace stratus::provisioning::service {

// Changes with every Put of the row, and never comes back for another stack of the same name.
std::string EtagOf(const store::StackRow& row);

// With name, etag, serial and expiry. Its outputs were masked when the run that made them ended.
v1::Stack PresentStack(const ApiParts& parts, const store::StackRow& row);

// With name; queue_position only where `position` gives one.
v1::Run PresentRun(const store::RunRow& row, int position = 0);
// Asks the store for the queue position of a PENDING run.
v1::Run PresentRun(const ApiParts& parts, const store::RunRow& row);

v1::StateVersion PresentStateVersion(const std::string& stack_id, const store::StateVersionRow& row);

// The outputs of the last apply; sensitive ones are null unless `reveal`. DATA_LOSS: they cannot be opened.
absl::StatusOr<v1::Outputs> PresentOutputs(const ApiParts& parts, const store::StackRow& row, bool reveal);

// `operations/{run}`: done when the run has ended; its response is the Stack as it is now (google.protobuf.Empty for a
// deletion), its error the run's. Asks the store for the stack.
google::longrunning::Operation PresentOperation(const ApiParts& parts, const store::RunRow& run);
// The same with the stack at hand.
google::longrunning::Operation PresentOperation(const store::RunRow& run, const v1::Stack& stack);

// An operation that was over at once and is not kept: no name.
google::longrunning::Operation DoneOperation(const google::protobuf::Message& response);

// What a run that ended badly ended with; OK for one that ended well.
absl::Status RunError(const v1::Run& run);

}  // namespace stratus::provisioning::service
