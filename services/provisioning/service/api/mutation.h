// One change, made once: the transaction, the answer that its request_id got before, and a record in the audit log.
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "services/provisioning/service/api/api_parts.h"
#include "services/provisioning/service/api/caller.h"

namespace stratus::provisioning::service {

struct Mutation {
  const Caller& caller;
  std::string_view method;  // `CreateStack`
  std::string resource;     // what it is about, for the audit log: a name
  std::string_view request_id;
  const google::protobuf::Message& request;
  bool trial = false;  // validate_only: nothing is changed, and nothing kept
};

// Runs `body` in a transaction and returns its reply. With a request id, body and reply are remembered in that same
// transaction for the tenant and method: the same payload again gets the same reply without running `body`, another
// one INVALID_ARGUMENT. Only what succeeded is remembered. `body` may run several times (store::Store::Transact).
// What was changed is in the audit log by the same transaction; what was refused, by one of its own. One line of the
// log says the same: method, tenant, principal, resource, result, ids. No payload.
absl::StatusOr<std::string> MutateBytes(const ApiParts& parts, const Mutation& mutation,
                                        absl::FunctionRef<absl::StatusOr<std::string>(store::Transaction&)> body);

template <typename Reply>
absl::StatusOr<Reply> Mutate(const ApiParts& parts, const Mutation& mutation,
                             absl::FunctionRef<absl::StatusOr<Reply>(store::Transaction&)> body) {
  auto bytes = MutateBytes(parts, mutation, [&](store::Transaction& transaction) -> absl::StatusOr<std::string> {
    absl::StatusOr<Reply> reply = body(transaction);
    if (!reply.ok()) return reply.status();
    return reply->SerializeAsString();
  });
  if (!bytes.ok()) return bytes.status();
  Reply reply;
  if (!reply.ParseFromString(*bytes)) return absl::DataLossError("a remembered reply cannot be read");
  return reply;
}

}  // namespace stratus::provisioning::service
