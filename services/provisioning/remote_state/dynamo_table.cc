#include "services/provisioning/remote_state/dynamo_table.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::provisioning::remote_state {
namespace {

using Json = nlohmann::json;

constexpr char kKey[] = "LockID";

std::string EndpointOf(const DynamoTable::Options& options) {
  if (!options.endpoint.empty()) return options.endpoint;
  const std::string domain = absl::StartsWith(options.region, "cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return absl::StrCat("https://dynamodb.", options.region, ".", domain);
}

Json Text(std::string_view text) { return {{"S", text}}; }

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string Member(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException` without what is in front.
std::string ErrorName(const Json& answer) {
  const std::string type = Member(answer, "__type");
  return type.substr(type.rfind('#') + 1);
}

}  // namespace

DynamoTable::DynamoTable(http_client::Client* http, Options options)
    : options_(std::move(options)),
      client_(http, {.service = "dynamodb",
                     .endpoint = EndpointOf(options_),
                     .region = options_.region,
                     .credentials = options_.credentials}) {}

absl::StatusOr<std::string> DynamoTable::Call(std::string_view operation, std::string body) {
  auto response = client_.Call("POST", "/",
                               {{"content-type", "application/x-amz-json-1.0"},
                                {"x-amz-target", absl::StrCat("DynamoDB_20120810.", core::ToAbsl(operation))}},
                               std::move(body));
  if (!response.ok()) return response.status();
  if (response->status == 200) return std::move(response->body);
  const Json answer = Json::parse(response->body, nullptr, false);
  const std::string message = Member(answer, "message");
  return AwsError(absl::StrCat("DynamoDB refuses ", core::ToAbsl(operation), " in the table ", options_.table),
                  response->status, ErrorName(answer), message.empty() ? Member(answer, "Message") : message);
}

absl::StatusOr<std::optional<std::string>> DynamoTable::Get(std::string_view id, std::string_view attribute) {
  const auto answer =
      Call("GetItem", Dump({{"TableName", options_.table}, {"Key", {{kKey, Text(id)}}}, {"ConsistentRead", true}}));
  if (!answer.ok()) return answer.status();
  const Json parsed = Json::parse(*answer, nullptr, false);
  const auto item = parsed.is_object() ? parsed.find("Item") : parsed.end();
  if (item == parsed.end()) return std::nullopt;
  const auto value = item->find(std::string(attribute));
  if (value == item->end()) return std::string();
  return Member(*value, "S");
}

absl::Status DynamoTable::Put(std::string_view id, std::string_view attribute, std::string_view value) {
  return Call("PutItem", Dump({{"TableName", options_.table},
                               {"Item", {{kKey, Text(id)}, {std::string(attribute), Text(value)}}}}))
      .status();
}

absl::Status DynamoTable::Replace(std::string_view id, std::string_view attribute, std::string_view value,
                                  const std::optional<std::string>& was) {
  Json request = {{"TableName", options_.table}, {"Item", {{kKey, Text(id)}, {std::string(attribute), Text(value)}}}};
  if (was) {
    request["ConditionExpression"] = "#a = :was";
    request["ExpressionAttributeNames"] = {{"#a", attribute}};
    request["ExpressionAttributeValues"] = {{":was", Text(*was)}};
  } else {
    request["ConditionExpression"] = absl::StrCat("attribute_not_exists(", kKey, ")");
  }
  return Call("PutItem", Dump(request)).status();
}

absl::Status DynamoTable::Remove(std::string_view id, std::string_view attribute,
                                 const std::optional<std::string>& was) {
  Json request = {{"TableName", options_.table}, {"Key", {{kKey, Text(id)}}}};
  if (was) {
    request["ConditionExpression"] = "#a = :was";
    request["ExpressionAttributeNames"] = {{"#a", attribute}};
    request["ExpressionAttributeValues"] = {{":was", Text(*was)}};
  }
  return Call("DeleteItem", Dump(request)).status();
}

absl::Status DynamoTable::Check() {
  // Any key will do: a table that is not there, has another key or may not be read says so.
  return Get("stratus-check", "Info").status();
}

}  // namespace stratus::provisioning::remote_state
