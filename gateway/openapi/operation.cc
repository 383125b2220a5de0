#include "gateway/openapi/operation.h"

#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gateway/openapi/comments.h"
#include "gateway/openapi/parameters.h"
#include "gateway/openapi/responses.h"
#include "google/protobuf/descriptor.pb.h"

namespace stratus::gateway::openapi {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodOptions;

std::set<std::string> BoundVariables(const PathKey& path) {
  std::set<std::string> bound;
  for (const PathParameter& parameter : path.parameters) {
    if (!parameter.variable.empty()) bound.insert(parameter.variable);
  }
  return bound;
}

Json BodyOf(Json content) { return {{"required", true}, {"content", std::move(content)}}; }

// The whole request, less what the path gives: only top-level variables can be left out of its schema.
Json WholeBody(const Descriptor* request, const std::set<std::string>& bound, Schemas* schemas) {
  if (IsHttpBody(request)) return BodyOf({{"*/*", Json::object()}});
  std::set<std::string> left_out;
  for (const std::string& variable : bound) {
    if (variable.find('.') == variable.npos) left_out.insert(variable);
  }
  Json schema = left_out.empty() ? schemas->OfMessage(request) : schemas->InlineWithout(request, left_out);
  return BodyOf({{"application/json", {{"schema", std::move(schema)}}}});
}

absl::StatusOr<Json> FieldBody(const Binding& binding, Schemas* schemas) {
  const Descriptor* request = binding.method->input_type();
  const FieldDescriptor* field = request->FindFieldByName(binding.body);
  if (field == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("body: ", request->full_name(), " has no field `", binding.body, "`"));
  }
  if (!field->is_repeated() && field->message_type() != nullptr && IsHttpBody(field->message_type())) {
    return BodyOf({{"*/*", Json::object()}});
  }
  Json body = BodyOf({{"application/json", {{"schema", schemas->OfField(field)}}}});
  if (const std::string comment = CommentOf(field); !comment.empty()) body["description"] = comment;
  return body;
}

constexpr char kStreamedBody[] =
    "A stream of messages, each sent on as soon as it is there: `application/x-ndjson` (one JSON object a line) or "
    "`application/json` (one array that grows). What the path and the query give goes into the first of them.";

// As for responses, the schema of a sequence of records is an array of them.
void MakeStream(Json* body) {
  Json& content = (*body)["content"];
  if (!content.contains("application/json")) return;  // bytes, in pieces of any size
  const Json records = {{"schema", {{"type", "array"}, {"items", content["application/json"]["schema"]}}}};
  content["application/json"] = content["application/x-ndjson"] = records;
  (*body)["description"] = kStreamedBody;
}

std::string Description(const Binding& binding, const auth::Policy* policy) {
  std::string text = CommentOf(binding.method);
  if (policy != nullptr) absl::StrAppend(&text, text.empty() ? "" : "\n\n", Security::Describe(*policy));
  return text;
}

void SetIdempotency(const MethodOptions& options, Json* operation) {
  switch (options.idempotency_level()) {
    case MethodOptions::NO_SIDE_EFFECTS: (*operation)["x-idempotency-level"] = "NO_SIDE_EFFECTS"; break;
    case MethodOptions::IDEMPOTENT: (*operation)["x-idempotency-level"] = "IDEMPOTENT"; break;
    default: break;
  }
}

}  // namespace

absl::StatusOr<Json> MakeOperation(const Binding& binding, const PathKey& path, const OperationContext& context) {
  const Descriptor* request = binding.method->input_type();
  absl::StatusOr<Json> parameters = PathParameters(path, request, context.schemas);
  if (!parameters.ok()) return parameters.status();
  std::set<std::string> bound = BoundVariables(path);

  Json body;
  if (binding.body == "*") {
    body = WholeBody(request, bound, context.schemas);
  } else if (!binding.body.empty()) {
    absl::StatusOr<Json> field_body = FieldBody(binding, context.schemas);
    if (!field_body.ok()) return field_body.status();
    body = *std::move(field_body);
    bound.insert(binding.body);
  }
  if (binding.method->client_streaming() && !body.is_null()) MakeStream(&body);
  if (binding.body != "*") {
    for (Json& parameter : QueryParameters(request, bound, context.schemas))
      parameters->push_back(std::move(parameter));
  }
  const bool needs_token = context.policy != nullptr && context.policy->kind != auth::Policy::Kind::kPublic;
  absl::StatusOr<Json> responses = Responses(binding, needs_token, context.schemas);
  if (!responses.ok()) return responses.status();

  Json operation = {{"tags", Json::array({context.tag})}};
  if (const std::string summary = SummaryOf(CommentOf(binding.method)); !summary.empty())
    operation["summary"] = summary;
  if (std::string text = Description(binding, context.policy); !text.empty())
    operation["description"] = std::move(text);
  operation["operationId"] = context.operation_id;
  if (binding.method->options().deprecated()) operation["deprecated"] = true;
  if (!parameters->empty()) operation["parameters"] = *std::move(parameters);
  if (!body.is_null()) operation["requestBody"] = std::move(body);
  operation["responses"] = *std::move(responses);
  if (context.policy != nullptr) operation["security"] = context.security->Requirements(*context.policy);
  SetIdempotency(binding.method->options(), &operation);
  return operation;
}

}  // namespace stratus::gateway::openapi
