#include "services/sandbox/xray/otlp_endpoint.h"

#include <zlib.h>

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/sandbox/json.h"
#include "services/sandbox/xray/otlp_span.h"

namespace stratus::sandbox::xray {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // zlib's largest window, in gzip's format

http_server::Response Refuse(int status, std::string_view type, std::string_view message) {
  http_server::Response response = JsonReply(status, {{"message", message}});
  response.headers.emplace_back("x-amzn-errortype", type);
  return response;
}

http_server::Response Invalid(std::string_view message) { return Refuse(400, "InvalidRequestException", message); }

// Nothing where it is no gzip, or more than so many bytes.
std::optional<std::string> Gunzip(std::string_view packed, size_t bytes_max) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindowBits) != Z_OK) return std::nullopt;
  std::string out(bytes_max + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0;
  out.resize(stream.total_out);
  inflateEnd(&stream);
  if (!whole || out.size() > bytes_max) return std::nullopt;
  return out;
}

struct SpanOfResource {
  const Json* resource;
  const Json* span;
};

const Json* Member(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? &*found : nullptr;
}

// Every span of a request; nullopt where it has not the protocol's form.
std::optional<std::vector<SpanOfResource>> SpansOf(const Json& body) {
  static const Json kNoResource = Json::object();
  const auto list = [](const Json& object, const char* key) -> const Json* {
    const Json* member = Member(object, key);
    return member != nullptr && member->is_array() ? member : nullptr;
  };
  std::vector<SpanOfResource> spans;
  const Json* resources = list(body, "resourceSpans");
  if (resources == nullptr || body.size() != 1) return std::nullopt;
  for (const Json& resource_spans : *resources) {
    const Json* scopes = list(resource_spans, "scopeSpans");
    const Json* resource = Member(resource_spans, "resource");
    if (scopes == nullptr) return std::nullopt;
    for (const Json& scope : *scopes) {
      const Json* members = list(scope, "spans");
      if (members == nullptr) return std::nullopt;
      for (const Json& span : *members) spans.push_back({resource == nullptr ? &kNoResource : resource, &span});
    }
  }
  return spans;
}

}  // namespace

std::string OtlpEndpoint::ErrorBody(int status) {
  return ToText({{"message", absl::StrCat("as asked for: ", status)}});
}

void OtlpEndpoint::AddRoutes(Router* router) {
  router->Add("POST", "/v1/traces", "otlp", [this](const http_server::Request& request) { return Answer(request); });
}

http_server::Response OtlpEndpoint::Answer(const http_server::Request& request) {
  const auto problem = CheckSignature(request, accounts_, {kSandboxRegion, "xray"}, clock_.Now());
  if (problem) return Refuse(403, problem->type, problem->message);
  if (request.Header("content-type") != "application/json") {
    return Refuse(415, "UnsupportedMediaTypeException", "the sandbox takes application/json alone");
  }
  const std::string_view coding = request.Header("content-encoding");
  std::optional<std::string> text;
  if (coding.empty() && request.body.size() <= kOtlpBytesMax) {
    text = request.body;
  } else if (coding == "gzip") {
    text = Gunzip(request.body, kOtlpBytesMax);
  } else if (!coding.empty()) {
    return Refuse(415, "UnsupportedMediaTypeException", "the content coding is neither gzip nor none");
  }
  if (!text) return Invalid("the body is no gzip, or holds more than 5 MB");
  const Json body = Json::parse(*text, nullptr, false);
  if (body.is_discarded()) return Invalid("the body is not JSON");
  return Take(body);
}

http_server::Response OtlpEndpoint::Take(const Json& body) {
  const std::optional<std::vector<SpanOfResource>> spans = SpansOf(body);
  if (!spans) return Invalid("the body is no ExportTraceServiceRequest");
  if (spans->size() > kOtlpSpansMax) return Invalid("the request has more than 10,000 spans");
  int64_t rejected = 0;
  for (const SpanOfResource& each : *spans) {
    Json document;
    std::vector<std::string> problems = ReadOtlpSpan(*each.resource, *each.span, clock_.Now(), &document);
    if (problems.empty()) {
      store_.Add(document);
    } else {
      ++rejected;
      store_.Reject(std::move(problems));
    }
  }
  if (rejected == 0) return JsonReply(200, Json::object());
  return JsonReply(200,
                   {{"partialSuccess",
                     {{"rejectedSpans", std::to_string(rejected)}, {"errorMessage", "see /traces for the reasons"}}}});
}

}  // namespace stratus::sandbox::xray
