// S3 and DynamoDB as far as a state needs them, for tests of what moto cannot do: answers that are lost, refusals.
//
// Strict: a call that is not signed by its credentials' key id, a write without a condition where one is due, or a
// checksum that is wrong, is refused.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/core/mutex.h"
#include "lib/http_server/http_server.h"
#include "services/provisioning/remote_state/remote_state.h"

namespace stratus::provisioning::remote_state::testing {

class AwsServer {
 public:
  AwsServer();

  // Of its bucket `b`; locks in the table `locks`, or in the bucket.
  Options OptionsFor(bool lock_in_table) const;

  // The next call of that method (`PUT`), or operation (`PutItem`), is answered so instead of being carried out.
  void RefuseNext(std::string method, int status, std::string code);
  // The next one is carried out, and its answer lost.
  void LoseNextAnswer(std::string method);
  // Every call from now on is answered 503, or none any more.
  void SetDown(bool down);

  std::optional<std::string> Object(const std::string& key) const;
  void SetObject(const std::string& key, std::string body);
  std::optional<std::string> Item(const std::string& id, const std::string& attribute) const;
  void SetItem(const std::string& id, const std::string& attribute, const std::string& value);
  // Headers of the last PUT.
  std::string LastPutHeader(std::string_view name) const;

 private:
  using Items = std::map<std::string, std::map<std::string, std::string>>;
  struct Fault {
    std::string method;
    int status = 0;  // 0: its answer is lost
    std::string code;
  };
  http_server::Response Answer(const http_server::Request& request);
  http_server::Response AnswerS3(const http_server::Request& request);
  http_server::Response Put(const http_server::Request& request, const std::string& key);
  http_server::Response AnswerDynamoDb(const std::string& operation, const std::string& body);

  mutable core::Mutex mutex_;
  std::map<std::string, std::string> objects_;
  Items items_;
  std::vector<Fault> faults_;
  bool down_ = false;
  http_server::Request last_put_;
  std::unique_ptr<http_server::Server> server_;
};

}  // namespace stratus::provisioning::remote_state::testing
