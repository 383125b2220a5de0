// A DynamoDB table with the string key `LockID`, as OpenTofu's S3 backend uses one: one more attribute an item.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/provisioning/remote_state/aws_client.h"

namespace stratus::provisioning::remote_state {

class DynamoTable {
 public:
  struct Options {
    std::string table;
    std::string region;
    std::string endpoint;                     // empty: AWS itself
    CredentialSource* credentials = nullptr;  // outlives it
  };
  // `http` outlives it.
  DynamoTable(http_client::Client* http, Options options);

  // The attribute of the item; nullopt: there is no item. Errors of all: as AwsError has them.
  absl::StatusOr<std::optional<std::string>> Get(std::string_view id, std::string_view attribute);
  // Whatever is there.
  absl::Status Put(std::string_view id, std::string_view attribute, std::string_view value);
  // Only where the attribute has the value `was`; nullopt: where there is no item. ABORTED: it is not so.
  absl::Status Replace(std::string_view id, std::string_view attribute, std::string_view value,
                       const std::optional<std::string>& was);
  // Only while the attribute has the value `was`; nullopt: whatever is there. ABORTED: it has another one, or is gone.
  absl::Status Remove(std::string_view id, std::string_view attribute, const std::optional<std::string>& was);
  absl::Status Check();

  const std::string& name() const { return options_.table; }

 private:
  absl::StatusOr<std::string> Call(std::string_view operation, std::string body);

  const Options options_;
  AwsClient client_;
};

}  // namespace stratus::provisioning::remote_state
