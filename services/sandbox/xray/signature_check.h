// AWS Signature Version 4, checked as AWS checks it: computed anew from the request as it came.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "lib/http_server/http_server.h"

namespace stratus::sandbox::xray {

struct AwsAccount {
  std::string access_key_id = {};
  std::string secret_access_key = {};
  std::string session_token = {};  // empty: the credentials are not temporary, and a token with them is wrong
};

struct SignatureScope {
  std::string_view region = {};
  std::string_view service = {};
};

struct SignatureProblem {
  std::string type = {};  // `InvalidSignatureException`, as AWS names it
  std::string message = {};
};

// What is wrong with the request's signature, without secrets; nullopt: nothing.
std::optional<SignatureProblem> CheckSignature(const http_server::Request& request,
                                               const std::vector<AwsAccount>& accounts, SignatureScope scope,
                                               absl::Time now);

}  // namespace stratus::sandbox::xray
