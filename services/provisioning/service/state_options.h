// Where the ProvisioningService keeps states: with everything else in its store, or in an S3 bucket as well.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/remote_state/remote_state.h"

namespace CLI {
class App;
}

namespace stratus::provisioning {

struct StateFlags {
  std::string backend = "service";
  std::string bucket;
  std::string prefix = "stratus";
  std::string region;
  std::string endpoint;
  std::string lock = "s3";
  std::string lock_table;
  std::string lock_endpoint;
  std::string kms_key;
};

// --state-backend and what belongs to it.
void AddStateFlags(CLI::App* app, StateFlags* flags);

// nullopt: in the store alone. What flags leave out comes from these variables, as AWS's own tools know them:
//   AWS_REGION, AWS_DEFAULT_REGION
//   AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL    of what speaks like S3 and DynamoDB
//   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN         where the secrets file has no `state`
// Credentials that nothing gives are those that the machine or the container is lent: remote_state/aws_credentials.h.
// Plain http is for loopback addresses and development.
// INVALID_ARGUMENT names the flag.
absl::StatusOr<std::optional<remote_state::Options>> StateOptionsFrom(
    const StateFlags& flags, const std::function<std::optional<std::string>(std::string_view)>& environment,
    bool development);

}  // namespace stratus::provisioning
