// Who asks: everything a handler may know of a call. The tenant is the verified token's and nothing else's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::rpc {
class Call;
}

namespace stratus::provisioning::service {

struct Caller {
  std::string tenant;  // `default` where authentication is off; never empty
  v1::Principal principal;
  // Whether the tenant is more than the client that asks: only then is there anybody else in it.
  bool tenant_is_shared = false;
  bool authenticated = false;
  std::vector<std::string> scopes;  // sorted
  std::string trace_id;
  std::string traceparent;      // of the call's own span; empty where it is not sampled
  std::string call_id;          // x-request-id, for the audit log
  std::string client_address;   // as the gateway hands it on (x-forwarded-for), else the socket's other end
  std::string idempotency_key;  // the header's, unquoted; may be empty
  std::string prefer;           // the Prefer header; may be empty
  absl::Time deadline = absl::InfiniteFuture();

  // Where authentication is off, everything is allowed.
  bool HasScope(std::string_view scope) const;
};

Caller CallerOf(const rpc::Call& call);

// PERMISSION_DENIED, as the interceptor says it, when the caller lacks the scope. For what a method needs only
// sometimes. `what` is the subject of the message: `creating a stack`.
absl::Status NeedScope(const Caller& caller, std::string_view scope, std::string_view what);

// The id that makes a mutation idempotent: `request_id` of the request or the Idempotency-Key header; empty: neither.
// INVALID_ARGUMENT when one is malformed, or both are given and differ.
absl::StatusOr<std::string> RequestIdOf(const Caller& caller, std::string_view request_id);

// `wait=N` of a Prefer header (RFC 7240): whole seconds; nullopt when there is none that can be read, which is no
// error.
std::optional<absl::Duration> WaitPreference(std::string_view prefer);

}  // namespace stratus::provisioning::service
