// What a token check came to, and what the caller is told. The table is in docs/how-to/tokens.md.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
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

inline constexpr size_t kOutcomeClasses = static_cast<size_t>(Outcome::Class::kPending) + 1;

// What a caller is told: code, message and details (google.rpc.ErrorInfo, RetryInfo). OK for kAllowed.
absl::Status ToStatus(const Outcome& outcome, const Policy& policy);

// The WWW-Authenticate value for an outcome (facts: RFC 6750), or empty.
std::string WwwAuthenticate(const Outcome& outcome, const Policy& policy);

}  // namespace stratus::auth
