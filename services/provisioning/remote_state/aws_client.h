// Signed calls of one AWS service, or of what speaks like it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/remote_state/aws_credentials.h"

namespace stratus::provisioning::remote_state {

class AwsClient {
 public:
  struct Options {
    std::string service;   // s3, dynamodb
    std::string endpoint;  // http(s)://HOST[:PORT], no path
    std::string region;
    CredentialSource* credentials = nullptr;  // outlives it
  };
  // `http` outlives it.
  AwsClient(http_client::Client* http, Options options) : http_(*http), options_(std::move(options)) {}

  // `path` begins with a slash and is percent-encoded. Any answer is a Response; UNAVAILABLE without one,
  // PERMISSION_DENIED without credentials. Sent again after a failure: whoever sets a condition has to ask afterwards
  // whether the first try had been the one that did it.
  absl::StatusOr<http_client::Response> Call(std::string_view method, std::string_view path,
                                             std::vector<std::pair<std::string, std::string>> headers,
                                             std::string body);

  const Options& options() const { return options_; }

 private:
  http_client::Client& http_;
  const Options options_;
};

// What an answer that is no success means; `what` says what was asked for. `code` is the service's own name of the
// error (AccessDenied), `message` its words, both may be empty. The words name accounts and users: they go to the log,
// not into the status, which a tenant may see.
//   NOT_FOUND 404; ABORTED a condition that does not hold; PERMISSION_DENIED; UNAVAILABLE 5xx and throttling;
//   FAILED_PRECONDITION the rest
absl::Status AwsError(std::string_view what, int http_status, std::string_view code, std::string_view message);

}  // namespace stratus::provisioning::remote_state
