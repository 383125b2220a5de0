// What approval_matrix_test.cc walks: for every method, each way to call it and what a caller who gets in may bring
// about.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/provisioning/service/api/testing/api_fixture.h"
#include "stratus/provisioning/v1/audit.grpc.pb.h"

namespace stratus::provisioning::service::testing {

// Three stacks of one policy: `idle` has been applied, its last run failed, and it has two state versions; `planned`
// has a run that waits; `held` is held by ann.
struct World {
  std::string tenant;
  v1::ApprovalPolicy policy;
  std::string failed;  // run names
  std::string waiting;
  v1::AuditService::Stub* audit;
};

// What a caller who gets in may bring about.
enum class Effect {
  kNothing,   // reads, tries
  kRun,       // one more run of `idle`, which waits by the policy of the stack
  kSettings,  // what no approval is about: holds, labels, an end of a run
  kApproval,  // `planned` goes on
  kAtOnce,    // a change that no plan goes before: only where the policy is AUTO, or with the scope to approve
};

struct Row {
  const char* method;
  const char* what;
  Effect effect;
  std::function<absl::Status(Client&, const World&)> call;
  // Which of the method's scopes alone will do for this; empty: each.
  std::string also = "";
};

const std::vector<Row>& Rows();

// A call that does not wait for what it begins.
template <typename Method, typename Request>
absl::Status Ask(Client& client, Method method, const Request& request) {
  grpc::ClientContext context;
  context.AddMetadata("prefer", "wait=0");
  return client.Call(client.stub(), method, request, &context).status();
}

template <typename Request>
Request Named(const std::string& name) {
  Request request;
  request.set_name(name);
  return request;
}

void SetNote(google::protobuf::Struct* variables, const std::string& text);

}  // namespace stratus::provisioning::service::testing
