// Where AWS credentials come from, in the order of AWS's own tools: given ones, a web identity (EKS service accounts),
// the container's endpoint (ECS, EKS pod identity), the machine's role (EC2).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/http_client/http_client.h"
#include "services/provisioning/remote_state/aws_signature.h"

namespace stratus::provisioning::remote_state {

class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Thread-safe; may block. PERMISSION_DENIED: there are none, and never were; UNAVAILABLE: they cannot be
  // had any more.
  virtual absl::StatusOr<AwsCredentials> Get() = 0;
};

std::unique_ptr<CredentialSource> FixedCredentials(AwsCredentials credentials);

using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// Those that expire, by these variables:
//   AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_SESSION_NAME      asked of STS (AWS_ENDPOINT_URL_STS) in
//   `region` AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, and AWS_CONTAINER_AUTHORIZATION_TOKEN or _TOKEN_FILE
//   AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT
// They are asked for anew five minutes before they expire; when that fails, the former ones serve to their end.
// `http` and `clock` outlive it.
std::unique_ptr<CredentialSource> RoleCredentials(http_client::Client* http, const Lookup& environment,
                                                  std::string region, const core::Clock* clock = &core::Clock::Real());

}  // namespace stratus::provisioning::remote_state
