#include "lib/auth/outcome.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"

namespace stratus::auth {
namespace {

constexpr char kErrorDomain[] = "auth.stratus";
constexpr char kChallenge[] = "Bearer realm=\"stratus\"";
// Long enough for a first fetch, with one retry, to have come in.
constexpr absl::Duration kRetryAfter = absl::Seconds(2);

absl::Status WithReason(absl::Status status, const char* reason, const Policy* needed = nullptr) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain(kErrorDomain);
  if (needed != nullptr) {
    auto& metadata = *info.mutable_metadata();
    if (!needed->any_scope.empty()) metadata["any_scope"] = absl::StrJoin(needed->any_scope, " ");
    if (!needed->any_group.empty()) metadata["any_group"] = absl::StrJoin(needed->any_group, " ");
  }
  return core::WithDetail(std::move(status), info);
}

std::string NeededMessage(const Policy& policy) {
  std::string message = "The access token lacks ";
  if (!policy.any_scope.empty()) {
    absl::StrAppend(&message, "a scope this method needs, any of: ", absl::StrJoin(policy.any_scope, " "));
  }
  if (!policy.any_group.empty()) {
    absl::StrAppend(&message, policy.any_scope.empty() ? "" : "; or ",
                    "a group this method needs, any of: ", absl::StrJoin(policy.any_group, " "));
  }
  return message;
}

}  // namespace

absl::Status ToStatus(const Outcome& outcome, const Policy& policy) {
  switch (outcome.result) {
    case Outcome::Class::kAllowed: return absl::OkStatus();
    case Outcome::Class::kNoToken:
      return WithReason(
          absl::UnauthenticatedError("This method needs an access token: send Authorization: Bearer TOKEN"),
          "TOKEN_MISSING");
    case Outcome::Class::kMalformedRequest:
      return WithReason(absl::InvalidArgumentError("Send exactly one Authorization value"), "AUTHORIZATION_MALFORMED");
    case Outcome::Class::kBadToken:
      // One message for every cause: which check failed would help to forge the next one.
      return WithReason(absl::UnauthenticatedError("The access token is not valid or no longer so: get a new one"),
                        "TOKEN_INVALID");
    case Outcome::Class::kInsufficientScope:
      return WithReason(absl::PermissionDeniedError(NeededMessage(policy)), "SCOPE_MISSING", &policy);
    case Outcome::Class::kDenied:
      return WithReason(absl::PermissionDeniedError("This method may not be called by anyone"), "METHOD_DENIED");
    case Outcome::Class::kUnavailable:
    case Outcome::Class::kPending: break;
  }
  return core::WithRetryAfter(
      WithReason(absl::UnavailableError("Access tokens cannot be checked right now"), "KEYS_UNAVAILABLE"), kRetryAfter);
}

std::string WwwAuthenticate(const Outcome& outcome, const Policy& policy) {
  switch (outcome.result) {
    case Outcome::Class::kNoToken: return kChallenge;
    case Outcome::Class::kMalformedRequest: return absl::StrCat(kChallenge, ", error=\"invalid_request\"");
    case Outcome::Class::kBadToken: return absl::StrCat(kChallenge, ", error=\"invalid_token\"");
    case Outcome::Class::kInsufficientScope: {
      std::string value = absl::StrCat(kChallenge, ", error=\"insufficient_scope\"");
      // Scopes hold no quote or backslash: PolicyTable::Compile sees to it.
      if (!policy.any_scope.empty()) {
        absl::StrAppend(&value, ", scope=\"", absl::StrJoin(policy.any_scope, " "), "\"");
      }
      return value;
    }
    case Outcome::Class::kAllowed:
    case Outcome::Class::kDenied:
    case Outcome::Class::kUnavailable:
    case Outcome::Class::kPending: break;
  }
  return "";
}

}  // namespace stratus::auth
