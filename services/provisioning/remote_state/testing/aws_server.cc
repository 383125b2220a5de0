#include "services/provisioning/remote_state/testing/aws_server.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::remote_state::testing {
namespace {

using http_server::Request;
using http_server::Response;
using Json = nlohmann::json;

constexpr char kKeyId[] = "AKIATEST";

std::string EtagOf(const std::string& body) {
  return absl::StrCat("\"", absl::BytesToHexString(core::ToAbsl(Sha256(body))).substr(0, 32), "\"");
}

Response S3Error(int status, std::string_view code) {
  return {.status = status,
          .body = absl::StrCat("<?xml version=\"1.0\"?><Error><Code>", core::ToAbsl(code),
                               "</Code><Message>as the test wants it</Message></Error>")};
}

Response DynamoDbError(int status, std::string_view code) {
  const Json error = {{"__type", absl::StrCat("com.amazonaws.dynamodb.v20120810#", core::ToAbsl(code))},
                      {"message", "as the test wants it"}};
  return {.status = status, .body = error.dump()};
}

}  // namespace

AwsServer::AwsServer() {
  auto server = http_server::Server::Start({.host = "127.0.0.1", .port = 0, .unix_path = ""},
                                           [this](const Request& request) { return Answer(request); },
                                           {.threads = 4, .body_bytes_max = 8 << 20});
  if (!server.ok()) std::abort();
  server_ = *std::move(server);
}

Options AwsServer::OptionsFor(bool lock_in_table) const {
  Options options;
  options.bucket = "b";
  options.prefix = "p/q";
  options.region = "eu-central-1";
  options.endpoint = "http://" + server_->address();
  if (lock_in_table) options.lock_table = "locks";
  options.credentials = {kKeyId, "very-secret", ""};
  return options;
}

void AwsServer::RefuseNext(std::string method, int status, std::string code) {
  core::MutexLock lock(mutex_);
  faults_.push_back({std::move(method), status, std::move(code)});
}

void AwsServer::LoseNextAnswer(std::string method) {
  core::MutexLock lock(mutex_);
  faults_.push_back({std::move(method), 0, ""});
}

void AwsServer::SetDown(bool down) {
  core::MutexLock lock(mutex_);
  down_ = down;
}

std::optional<std::string> AwsServer::Object(const std::string& key) const {
  core::MutexLock lock(mutex_);
  const auto found = objects_.find(key);
  return found == objects_.end() ? std::nullopt : std::optional(found->second);
}

void AwsServer::SetObject(const std::string& key, std::string body) {
  core::MutexLock lock(mutex_);
  objects_[key] = std::move(body);
}

std::optional<std::string> AwsServer::Item(const std::string& id, const std::string& attribute) const {
  core::MutexLock lock(mutex_);
  const auto found = items_.find(id);
  if (found == items_.end()) return std::nullopt;
  const auto value = found->second.find(attribute);
  return value == found->second.end() ? "" : value->second;
}

void AwsServer::SetItem(const std::string& id, const std::string& attribute, const std::string& value) {
  core::MutexLock lock(mutex_);
  items_[id] = {{attribute, value}};
}

std::string AwsServer::LastPutHeader(std::string_view name) const {
  core::MutexLock lock(mutex_);
  return std::string(last_put_.Header(name));
}

Response AwsServer::Answer(const Request& request) {
  core::MutexLock lock(mutex_);
  if (down_) return {.status = 503};
  const std::string target(request.Header("x-amz-target"));
  const std::string operation = target.substr(target.rfind('.') + 1);
  const std::string& method = operation.empty() ? request.method : operation;
  const auto fault =
      std::find_if(faults_.begin(), faults_.end(), [&](const Fault& one) { return one.method == method; });
  const std::optional<Fault> due = fault == faults_.end() ? std::nullopt : std::optional(*fault);
  if (due) faults_.erase(fault);
  const auto refusal = [&](int status, std::string_view code) {
    return operation.empty() ? S3Error(status, code) : DynamoDbError(status, code);
  };
  const std::string wanted = absl::StrCat("AWS4-HMAC-SHA256 Credential=", kKeyId, "/");
  if (!absl::StartsWith(core::ToAbsl(request.Header("authorization")), wanted)) return refusal(403, "AccessDenied");
  if (due && due->status != 0) return refusal(due->status, due->code);
  Response response = operation.empty() ? AnswerS3(request) : AnswerDynamoDb(operation, request.body);
  response.hang_up = due.has_value();
  return response;
}

Response AwsServer::AnswerS3(const Request& request) {
  if (request.method == "HEAD") return {.status = request.path == "/b" ? 200 : 404};
  if (!absl::StartsWith(request.path, "/b/")) return S3Error(404, "NoSuchBucket");
  const std::string key = request.path.substr(3);
  if (request.method == "PUT") return Put(request, key);
  const auto object = objects_.find(key);
  if (request.method == "DELETE") {
    if (object == objects_.end()) return {.status = 204};
    if (request.Header("if-match") != EtagOf(object->second)) return S3Error(412, "PreconditionFailed");
    objects_.erase(object);
    return {.status = 204};
  }
  if (object == objects_.end()) return S3Error(404, "NoSuchKey");
  return {.status = 200, .headers = {{"ETag", EtagOf(object->second)}}, .body = object->second};
}

Response AwsServer::Put(const Request& request, const std::string& key) {
  last_put_ = request;
  if (request.Header("x-amz-checksum-sha256") != absl::Base64Escape(Sha256(request.body))) {
    return S3Error(400, "BadDigest");
  }
  const auto object = objects_.find(key);
  const std::string_view replaces = request.Header("if-match");
  if (replaces.empty() && request.Header("if-none-match") != "*") return S3Error(400, "NoCondition");
  if (replaces.empty() && object != objects_.end()) return S3Error(412, "PreconditionFailed");
  if (!replaces.empty() && object == objects_.end()) return S3Error(404, "NoSuchKey");
  if (!replaces.empty() && replaces != EtagOf(object->second)) return S3Error(412, "PreconditionFailed");
  objects_[key] = request.body;
  return {.status = 200};
}

Response AwsServer::AnswerDynamoDb(const std::string& operation, const std::string& body) {
  const Json call = Json::parse(body, nullptr, false);
  if (call.value("TableName", "") != "locks") return DynamoDbError(400, "ResourceNotFoundException");
  const Json& subject = call.contains("Key") ? call["Key"] : call["Item"];
  const std::string id = subject["LockID"]["S"];
  const auto item = items_.find(id);
  const std::string condition = call.value("ConditionExpression", "");
  if (condition == "attribute_not_exists(LockID)" && item != items_.end()) {
    return DynamoDbError(400, "ConditionalCheckFailedException");
  }
  if (condition == "#a = :was") {
    const std::string name = call["ExpressionAttributeNames"]["#a"];
    const std::string was = call["ExpressionAttributeValues"][":was"]["S"];
    if (item == items_.end() || item->second[name] != was) {
      return DynamoDbError(400, "ConditionalCheckFailedException");
    }
  }
  Json answer = Json::object();
  if (operation == "GetItem" && item != items_.end()) {
    answer["Item"]["LockID"]["S"] = id;
    for (const auto& [name, value] : item->second) answer["Item"][name]["S"] = value;
  } else if (operation == "DeleteItem") {
    items_.erase(id);
  } else if (operation == "PutItem") {
    auto& attributes = items_[id];
    attributes.clear();
    for (const auto& [name, value] : subject.items()) {
      if (name != "LockID") attributes[name] = value["S"];
    }
  }
  return {.status = 200, .body = answer.dump()};
}

}  // namespace stratus::provisioning::remote_state::testing
