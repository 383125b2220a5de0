// The one door for tokens: the gateway and the services' interceptor both ask it.
//
//   auth::Outcome outcome = authenticator.Check(authorization_values, policy);   // never blocks
//   if (outcome.pending()) authenticator.CheckLater(values, policy, [](auth::Outcome outcome) {...});
//
// Classes of outcome, and what they become on the wire, are those of the table in docs/how-to/tokens.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "lib/auth/policy.h"
#include "lib/auth/principal.h"

namespace stratus::auth {

struct Outcome {
  enum class Class {
    kAllowed,            // principal is set, or the method is public (principal null)
    kNoToken,            // 16, 401
    kMalformedRequest,   // 3, 400: two Authorization values
    kBadToken,           // 16, 401 invalid_token
    kInsufficientScope,  // 7, 403 insufficient_scope
    kDenied,             // 7, 403: the method has no authorization rule
    kUnavailable,        // 14, 503 + Retry-After: no usable key set yet
    kPending,            // a key fetch that may decide it is under way: only Check() returns this
  };
  Class result = Class::kDenied;
  std::shared_ptr<const Principal> principal;
  // Which check failed, for the log line alone: a string literal. Never sent to a caller.
  const char* reason = "";

  bool allowed() const { return result == Class::kAllowed; }
  bool pending() const { return result == Class::kPending; }
};

// What a caller is told: code, message and details (google.rpc.ErrorInfo, RetryInfo). OK for kAllowed.
absl::Status ToStatus(const Outcome& outcome, const Policy& policy);

// The WWW-Authenticate value for an outcome (facts: RFC 6750), or empty.
std::string WwwAuthenticate(const Outcome& outcome, const Policy& policy);

class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // Decides at once, from any thread. `authorization` holds every value of the Authorization header or metadata key.
  virtual Outcome Check(absl::Span<const std::string_view> authorization, const Policy& policy) = 0;

  // For a pending token: `done` runs once, on another thread, when the key set has been refreshed or has failed to.
  virtual void CheckLater(absl::Span<const std::string_view> authorization, const Policy& policy,
                          std::function<void(Outcome)> done) = 0;
};

}  // namespace stratus::auth
