#include "services/provisioning/remote_state/s3_bucket.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/remote_state/xml_text.h"

namespace stratus::provisioning::remote_state {
namespace {

// A name with dots has no certificate of its own under *.s3.REGION.amazonaws.com.
bool NeedsPathStyle(const S3Bucket::Options& options) {
  return !options.endpoint.empty() || absl::StrContains(options.bucket, ".");
}

std::string EndpointOf(const S3Bucket::Options& options) {
  if (!options.endpoint.empty()) return options.endpoint;
  const std::string domain = absl::StartsWith(options.region, "cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const std::string host = absl::StrCat("s3.", options.region, ".", domain);
  return absl::StrCat("https://", NeedsPathStyle(options) ? "" : absl::StrCat(options.bucket, "."), host);
}

}  // namespace

S3Bucket::S3Bucket(http_client::Client* http, Options options)
    : options_(std::move(options)),
      bucket_in_path_(NeedsPathStyle(options_)),
      client_(http, {.service = "s3",
                     .endpoint = EndpointOf(options_),
                     .region = options_.region,
                     .credentials = options_.credentials}) {}

std::string S3Bucket::PathOf(std::string_view key) const {
  return absl::StrCat("/", bucket_in_path_ ? absl::StrCat(options_.bucket, key.empty() ? "" : "/") : "", UriPath(key));
}

absl::Status S3Bucket::ErrorOf(std::string_view verb, std::string_view key,
                               const http_client::Response& response) const {
  const std::string_view code = XmlText(response.body, "Code");
  const std::string what = absl::StrCat("S3 does not ", core::ToAbsl(verb), " s3://", options_.bucket,
                                        key.empty() ? "" : "/", core::ToAbsl(key));
  const absl::Status error = AwsError(what, response.status, code, XmlText(response.body, "Message"));
  return code == "NoSuchBucket" ? absl::FailedPreconditionError(error.message()) : error;
}

absl::StatusOr<S3Bucket::Object> S3Bucket::Get(std::string_view key) {
  auto response = client_.Call("GET", PathOf(key), {}, "");
  if (!response.ok()) return response.status();
  if (response->status != 200) return ErrorOf("give", key, *response);
  Object object{std::move(response->body), std::string(response->Header("etag"))};
  if (object.etag.empty()) return absl::FailedPreconditionError("S3 gives an object without its ETag");
  return object;
}

absl::Status S3Bucket::Put(std::string_view key, std::string_view body, std::string_view etag) {
  std::vector<std::pair<std::string, std::string>> headers = {
      {"content-type", "application/json"}, {"x-amz-checksum-sha256", absl::Base64Escape(Sha256(body))}};
  if (etag.empty()) {
    headers.emplace_back("if-none-match", "*");
  } else {
    headers.emplace_back("if-match", etag);
  }
  if (!options_.kms_key.empty()) {
    headers.emplace_back("x-amz-server-side-encryption", "aws:kms");
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", options_.kms_key);
  }
  auto response = client_.Call("PUT", PathOf(key), std::move(headers), std::string(body));
  if (!response.ok()) return response.status();
  if (response->status == 200) return absl::OkStatus();
  const absl::Status error = ErrorOf("take", key, *response);
  // To replace an object that has gone meanwhile.
  return absl::IsNotFound(error) ? absl::AbortedError(error.message()) : error;
}

absl::Status S3Bucket::Remove(std::string_view key, std::string_view etag) {
  auto response = client_.Call("DELETE", PathOf(key), {{"if-match", std::string(etag)}}, "");
  if (!response.ok()) return response.status();
  if (response->status == 204 || response->status == 200) return absl::OkStatus();
  const absl::Status error = ErrorOf("remove", key, *response);
  return absl::IsNotFound(error) ? absl::OkStatus() : error;
}

absl::Status S3Bucket::Check() {
  auto response = client_.Call("HEAD", PathOf(""), {}, "");
  if (!response.ok()) return response.status();
  if (response->status == 200) return absl::OkStatus();
  const absl::Status error = ErrorOf("open", "", *response);
  return absl::IsNotFound(error) ? absl::FailedPreconditionError(error.message()) : error;
}

}  // namespace stratus::provisioning::remote_state
