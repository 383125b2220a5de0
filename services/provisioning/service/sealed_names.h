// Under which contexts and names the service seals what it keeps (store/seal.h). Whoever seals or opens uses these, so
// that the API, the runtime and the state backend agree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stratus::provisioning::service {

// StateVersionRow::sealed: the state as the engine posted it.
inline std::string StateContext(std::string_view stack_uid, int64_t serial) {
  return std::string("state/").append(stack_uid).append("/").append(std::to_string(serial));
}

// StackRow::sealed_variables: a JSON object of every variable, sensitive ones too.
inline std::string StackVariablesContext(std::string_view stack_uid) {
  return std::string("stack-variables/").append(stack_uid);
}

// RunRow::sealed_variables: the snapshot that the run applies.
inline std::string RunVariablesContext(std::string_view run_uid) {
  return std::string("run-variables/").append(run_uid);
}

// StackRow::sealed_outputs: {name: {value, type, sensitive}}.
inline std::string OutputsContext(std::string_view stack_uid) { return std::string("outputs/").append(stack_uid); }

// CredentialRow::sealed: a JSON object of environment variables. The tenant comes last: the others hold no slash.
inline std::string CredentialContext(std::string_view tenant, std::string_view stack_id, std::string_view provider,
                                     std::string_view uid) {
  return std::string("credential/")
      .append(uid)
      .append("/")
      .append(provider)
      .append("/")
      .append(stack_id)
      .append("/")
      .append(tenant);
}

// A blob of a run, by its name.
inline std::string BlobContext(std::string_view run_uid, std::string_view name) {
  return std::string("blob/").append(run_uid).append("/").append(name);
}

// Blobs of a run.
inline constexpr std::string_view kPlanBlob = "plan";           // plan.bin, as the engine saved it
inline constexpr std::string_view kPlanViewBlob = "plan-view";  // a serialized v1::Plan, without its name
inline constexpr std::string_view kTraceBlob = "trace";  // not sealed: the traceparent of the call that asked for it

}  // namespace stratus::provisioning::service
