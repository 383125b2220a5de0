#include "gateway/proxy/header_map.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

struct Mapping {
  const char* from;
  const char* to;
};

constexpr Mapping kRequest[] = {
    {"authorization", "authorization"},
    {"traceparent", "traceparent"},
    {"tracestate", "tracestate"},
    {"x-amzn-trace-id", "x-amzn-trace-id"},
    {"accept-language", "accept-language"},
    {"idempotency-key", "idempotency-key"},
    {"prefer", "prefer"},
    {"if-match", "if-match"},
    {"if-none-match", "if-none-match"},
    {"user-agent", "x-user-agent"},
};

// What a service may set on a REST response without being listed in the configuration.
constexpr Mapping kResponse[] = {
    {"location", "location"},
    {"etag", "etag"},
    {"cache-control", "cache-control"},
    {"last-modified", "last-modified"},
    {"retry-after", "retry-after"},
    {"content-language", "content-language"},
    {"link", "link"},
    {"preference-applied", "preference-applied"},
};

constexpr std::string_view kMetadataPrefix = "grpc-metadata-";

// The connection's own headers (RFC 9110, 7.6.1), what HTTP and gRPC set themselves, and names that only the gateway
// may set.
bool Reserved(std::string_view name) {
  static constexpr std::array<std::string_view, 16> kNames = {"connection",       "keep-alive",
                                                              "proxy-connection", "transfer-encoding",
                                                              "upgrade",          "te",
                                                              "trailer",          "host",
                                                              "content-type",     "content-length",
                                                              "expect",           "http2-settings",
                                                              "x-request-id",     "x-forwarded-for",
                                                              "x-http-status",    "proxy-authorization"};
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  return absl::StartsWith(core::ToAbsl(name), "x-stratus-");
}

// What gRPC itself carries in metadata and a client has to be able to set.
bool GrpcOwn(std::string_view name) {
  if (!absl::StartsWith(core::ToAbsl(name), "grpc-")) return false;
  return name != "grpc-encoding" && name != "grpc-accept-encoding" && name != "grpc-trace-bin" &&
         name != "grpc-tags-bin" && name != "grpc-previous-rpc-attempts";
}

// What a browser sends by itself, about the HTTP exchange and the page.
bool BrowsersOwn(std::string_view name) {
  return name == "accept" || name == "accept-encoding" || name == "origin" || name == "referer" ||
         name == "x-grpc-web" || absl::StartsWith(core::ToAbsl(name), "sec-");
}

bool SaysWhoAndWhere(std::string_view name) {
  return name == "authorization" || name == "traceparent" || name == "tracestate" || name == "x-amzn-trace-id";
}

bool ValidMetadataName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// Binary metadata travels as base64, in HTTP as in gRPC.
bool ValidBinary(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '=' || c == ',';
  });
}

}  // namespace

HeaderMap::HeaderMap(const stratus::config::v1::Headers& config) {
  for (const Mapping& mapping : kRequest) request_.emplace(mapping.from, mapping.to);
  for (const Mapping& mapping : kResponse) response_.emplace(mapping.from, mapping.to);
  for (const std::string& name : config.forward_request()) {
    const std::string lower = absl::AsciiStrToLower(name);
    if (!Reserved(lower)) request_.emplace(lower, lower);
  }
  for (const std::string& name : config.forward_response()) {
    const std::string lower = absl::AsciiStrToLower(name);
    if (!Reserved(lower)) response_.emplace(lower, lower);
  }
}

void HeaderMap::RequestMetadata(const http::RequestHead& head, HeaderList* out) const {
  for (const http::Header& header : head.headers) {
    if (const auto at = request_.find(core::ToAbsl(header.name)); at != request_.end()) {
      out->push_back({at->second, header.value});
      continue;
    }
    if (header.name.size() <= kMetadataPrefix.size() ||
        header.name.substr(0, kMetadataPrefix.size()) != kMetadataPrefix) {
      continue;
    }
    const std::string_view name = header.name.substr(kMetadataPrefix.size());
    const bool binary = absl::EndsWith(core::ToAbsl(name), "-bin");
    const bool grpc = absl::StartsWith(core::ToAbsl(name), "grpc-");
    if (Reserved(name) || grpc || name == "authorization" || !ValidMetadataName(name)) continue;
    if (binary && !ValidBinary(header.value)) continue;
    out->push_back({name, header.value});
  }
}

void HeaderMap::DeclaredMetadata(const http::RequestHead& head, absl::Span<const std::string> declared,
                                 HeaderList* out) const {
  HeaderList kept;
  for (const http::Header& header : head.headers) {
    if (SaysWhoAndWhere(header.name) || std::find(declared.begin(), declared.end(), header.name) != declared.end()) {
      kept.push_back(header);
    }
  }
  http::RequestHead reduced = head;
  reduced.headers = kept;
  RequestMetadata(reduced, out);
}

void HeaderMap::PassThroughMetadata(const http::RequestHead& head, bool web, HeaderList* out) const {
  for (const http::Header& header : head.headers) {
    if (Reserved(header.name) || GrpcOwn(header.name) || (web && BrowsersOwn(header.name))) continue;
    out->push_back(header);
  }
}

std::string_view HeaderMap::ResponseName(std::string_view metadata_name) const {
  const auto at = response_.find(core::ToAbsl(metadata_name));
  return at == response_.end() ? std::string_view() : at->second;
}

bool HeaderMap::PassesBack(std::string_view metadata_name) {
  return metadata_name != "content-length" && metadata_name != "connection" && metadata_name != "transfer-encoding" &&
         metadata_name != "date" && metadata_name != "x-request-id" && metadata_name != ":status";
}

void AppendForwardedFor(const http::RequestHead& head, std::string* out) {
  for (const http::Header& header : head.headers) {
    if (header.name != "x-forwarded-for" || header.value.empty()) continue;
    out->append(header.value);
    out->append(", ");
  }
  std::string_view peer = head.peer;
  const size_t port = peer.rfind(':');
  if (port != std::string_view::npos) peer = peer.substr(0, port);
  if (!peer.empty() && peer.front() == '[') peer = peer.substr(1, peer.size() - 2);
  out->append(peer);
}

}  // namespace stratus::gateway::proxy
