// The one door for tokens: the gateway and the services' interceptor both ask it.
//
//   auth::Outcome outcome = authenticator.Check(authorization_values, policy);   // never blocks
//   if (outcome.pending()) authenticator.CheckLater(values, policy, [](auth::Outcome outcome) {...});
//
// Classes of outcome, and what they become on the wire, are those of the table in docs/how-to/tokens.md.
#pragma once

#include <functional>
#include <string_view>

#include "absl/types/span.h"
#include "lib/auth/outcome.h"
#include "lib/auth/policy.h"

namespace stratus::auth {

class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // Decides at once, from any thread. `authorization` holds every value of the Authorization header or metadata key.
  virtual Outcome Check(absl::Span<const std::string_view> authorization, const Policy& policy) = 0;

  // For a pending token: `done` runs once, on another thread, when the key set has been refreshed or has failed to.
  // Neither `authorization` nor `policy` need outlive the call: both are copied.
  virtual void CheckLater(absl::Span<const std::string_view> authorization, const Policy& policy,
                          std::function<void(Outcome)> done) = 0;
};

}  // namespace stratus::auth
