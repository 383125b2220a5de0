#include "gateway/openapi/responses.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gateway/openapi/well_known.h"

namespace stratus::gateway::openapi {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr char kErrorSchema[] = "google.rpc.Status";
constexpr char kStreamErrorSchema[] = "StreamError";

Json Reference(const char* schema) { return {{"$ref", absl::StrCat("#/components/schemas/", schema)}}; }

struct ErrorResponse {
  int status;  // 0: `default`
  const char* component;
  const char* description;
  const char* header;  // sent with it, or null
  const char* header_description;
};

constexpr ErrorResponse kErrors[] = {
    {400, "BadRequest", "INVALID_ARGUMENT, FAILED_PRECONDITION or OUT_OF_RANGE: `details` name the fields at fault.",
     nullptr, nullptr},
    {401, "Unauthenticated", "UNAUTHENTICATED: no token, or one that is not valid.", "WWW-Authenticate",
     "The challenge of RFC 6750."},
    {403, "PermissionDenied", "PERMISSION_DENIED: the token lacks what the method needs.", "WWW-Authenticate",
     "The challenge of RFC 6750, with the scopes that suffice."},
    {404, "NotFound", "NOT_FOUND: there is no such path or resource.", nullptr, nullptr},
    {413, "TooLarge", "The body is larger than the gateway takes.", nullptr, nullptr},
    {415, "UnsupportedMediaType", "The body's Content-Type is none that the method takes.", nullptr, nullptr},
    {429, "ResourceExhausted", "RESOURCE_EXHAUSTED: a quota or a budget is spent.", "Retry-After",
     "Seconds to wait before another try."},
    {500, "Internal", "INTERNAL, UNKNOWN or DATA_LOSS: a fault of the server.", nullptr, nullptr},
    {503, "Unavailable", "UNAVAILABLE: the service cannot answer now; try again.", "Retry-After",
     "Seconds to wait before another try."},
    {504, "DeadlineExceeded", "DEADLINE_EXCEEDED: there was no answer in time.", nullptr, nullptr},
    {0, "Error", "Any other error; the status follows `code` as google/rpc/code.proto says.", nullptr, nullptr},
};

Json JsonContent(Json schema) { return {{"application/json", {{"schema", std::move(schema)}}}}; }

// The forms of a server stream. `schema` in an OpenAPI 3.1 media type describes the whole body; for a sequence of
// records that is an array of them, as OpenAPI 3.2 spells out.
Json StreamContent(const Json& message) {
  const Json failure = Reference(kStreamErrorSchema);
  const Json records = {{"type", "array"}, {"items", {{"anyOf", Json::array({message, failure})}}}};
  const auto event = [](const Json& content) -> Json {
    return {{"type", "string"}, {"contentMediaType", "application/json"}, {"contentSchema", content}};
  };
  const Json message_event = {
      {"type", "object"}, {"properties", {{"data", event(message)}}}, {"required", Json::array({"data"})}};
  const Json error_event = {{"type", "object"},
                            {"properties", {{"event", {{"const", "error"}}}, {"data", event(failure)}}},
                            {"required", Json::array({"event", "data"})}};
  const Json events = {{"type", "array"}, {"items", {{"anyOf", Json::array({message_event, error_event})}}}};
  Json content = JsonContent(records);
  content["application/x-ndjson"] = {{"schema", records}};
  content["text/event-stream"] = {{"schema", events}};
  return content;
}

constexpr char kStreamDescription[] =
    "A stream of messages, each sent as soon as it is there. The `Accept` header chooses the form: "
    "`application/x-ndjson` (one JSON object a line), `text/event-stream` (one server-sent event each, the JSON object "
    "as its `data`) or `application/json` (one array that grows).\n\nAn error after the first message is the last "
    "record, `{\"error\": ...}` (as a server-sent event, one of the type `error`), and the response ends abnormally "
    "behind it: the array stays open, the connection is cut or the HTTP/2 stream is reset.";

Json SuccessResponse(const Binding& binding, const Descriptor* body, Json schema) {
  const bool stream = binding.method->server_streaming();
  if (body != nullptr && IsHttpBody(body)) {
    return {{"description", stream ? "The content, in pieces as they come; its type is in `Content-Type`."
                                   : "The content; its type is in `Content-Type`."},
            {"content", {{"*/*", Json::object()}}}};
  }
  if (!stream) return {{"description", "OK"}, {"content", JsonContent(std::move(schema))}};
  return {{"description", kStreamDescription}, {"content", StreamContent(schema)}};
}

bool Applies(const ErrorResponse& error, const Binding& binding, bool needs_token) {
  if (error.status == 401 || error.status == 403) return needs_token;
  if (error.status == 413 || error.status == 415) return !binding.body.empty();
  return true;
}

}  // namespace

absl::StatusOr<Json> Responses(const Binding& binding, bool needs_token, Schemas* schemas) {
  const Descriptor* body = binding.method->output_type();
  Json schema;
  if (!binding.response_body.empty()) {
    const FieldDescriptor* field = body->FindFieldByName(binding.response_body);
    if (field == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("response_body: ", body->full_name(), " has no field `", binding.response_body, "`"));
    }
    body = field->is_repeated() ? nullptr : field->message_type();
    if (body == nullptr || !IsHttpBody(body)) schema = schemas->OfField(field);
  } else if (!IsHttpBody(body)) {
    schema = schemas->OfMessage(body);
  }
  Json responses = {{"200", SuccessResponse(binding, body, std::move(schema))}};
  for (const ErrorResponse& error : kErrors) {
    if (!Applies(error, binding, needs_token)) continue;
    responses[error.status == 0 ? "default" : absl::StrCat(error.status)] = {
        {"$ref", absl::StrCat("#/components/responses/", error.component)}};
  }
  return responses;
}

Json ErrorResponses() {
  Json responses = Json::object();
  for (const ErrorResponse& error : kErrors) {
    Json response = {{"description", error.description}};
    if (error.header != nullptr) {
      response["headers"] = {
          {error.header, {{"description", error.header_description}, {"schema", {{"type", "string"}}}}}};
    }
    response["content"] = JsonContent(Reference(kErrorSchema));
    responses[error.component] = std::move(response);
  }
  return responses;
}

void AddErrorSchemas(Json* schemas) {
  const Json code = {
      {"type", "integer"},
      {"format", "int32"},
      {"description", "The gRPC code, as in google/rpc/code.proto: 3 is INVALID_ARGUMENT, 5 NOT_FOUND, ..."}};
  const Json message = {{"type", "string"}, {"description", "What is wrong, for a developer."}};
  const Json details = {{"type", "array"},
                        {"items", WellKnownSchema("google.protobuf.Any")},
                        {"description", "google.rpc.BadRequest, ErrorInfo, RetryInfo and others."}};
  (*schemas)[kErrorSchema] = {{"type", "object"},
                              {"description", "An error."},
                              {"properties", {{"code", code}, {"message", message}, {"details", details}}},
                              {"required", Json::array({"code", "message"})}};
  (*schemas)[kStreamErrorSchema] = {{"type", "object"},
                                    {"description", "How a stream that failed after its first message ends."},
                                    {"properties", {{"error", Reference(kErrorSchema)}}},
                                    {"required", Json::array({"error"})}};
}

}  // namespace stratus::gateway::openapi
