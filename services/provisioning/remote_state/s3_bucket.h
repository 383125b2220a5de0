// The objects of an S3 bucket, as far as a state needs them.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/remote_state/aws_client.h"

namespace stratus::provisioning::remote_state {

class S3Bucket {
 public:
  struct Options {
    std::string bucket;
    std::string region;
    // http(s)://HOST[:PORT] of what speaks like S3; the bucket is then a part of the path. Empty: AWS itself.
    std::string endpoint;
    std::string kms_key;                      // for SSE-KMS: an id or ARN; empty: as the bucket is set
    CredentialSource* credentials = nullptr;  // outlives it
  };
  // `http` outlives it.
  S3Bucket(http_client::Client* http, Options options);

  struct Object {
    std::string body;
    std::string etag;
  };
  // NOT_FOUND: there is none. Errors of all: as AwsError has them; a bucket that is not there is FAILED_PRECONDITION.
  absl::StatusOr<Object> Get(std::string_view key);
  // Replaces the object of that `etag`; an empty one: there must be none. ABORTED: there is another.
  absl::Status Put(std::string_view key, std::string_view body, std::string_view etag);
  // ABORTED: there is another one than of that etag. One that is gone is removed.
  absl::Status Remove(std::string_view key, std::string_view etag);
  // OK when the bucket is there and may be used.
  absl::Status Check();

  const std::string& name() const { return options_.bucket; }

 private:
  std::string PathOf(std::string_view key) const;
  absl::Status ErrorOf(std::string_view verb, std::string_view key, const http_client::Response& response) const;

  const Options options_;
  const bool bucket_in_path_;
  AwsClient client_;
};

}  // namespace stratus::provisioning::remote_state
