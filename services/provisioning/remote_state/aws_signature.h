// AWS Signature Version 4 for requests without a query, the payload's hash signed along.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "lib/http_client/http_client.h"

namespace stratus::provisioning::remote_state {

struct AwsCredentials {
  std::string key_id;
  std::string secret;
  std::string session_token;  // may be empty
};

// Adds x-amz-content-sha256, x-amz-date, x-amz-security-token and authorization to the request, which has none of
// them. Its path is percent-encoded already (UriPath); its headers are all signed, and the host with them.
void Sign(const AwsCredentials& credentials, std::string_view region, std::string_view service, absl::Time now,
          http_client::Request* request);

// A key as the path of a URL: every byte but [A-Za-z0-9._~/-] percent-encoded.
std::string UriPath(std::string_view key);

// A value of a form: as UriPath, and slashes too.
std::string UriQuery(std::string_view value);

std::string Sha256(std::string_view text);  // 32 raw bytes

}  // namespace stratus::provisioning::remote_state
