#include "gateway/proxy/header_map.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
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
  static constexpr std::array<std::string_view, 17> kNames = {
      "connection",   "keep-alive", "proxy-connection", "transfer-encoding",   "upgrade",  "te",
      "trailer",      "host",       "content-type",     "content-length",      "expect",   "http2-settings",
      "x-request-id", "forwarded",  "x-http-status",    "proxy-authorization", "x-real-ip"};
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  return absl::StartsWith(core::ToAbsl(name), "x-stratus-") || absl::StartsWith(core::ToAbsl(name), "x-forwarded-");
}

// What a proxy that is trusted may say beside X-Forwarded-For, which is never sent on as it came.
bool SaidByProxies(std::string_view name) {
  return name == "x-forwarded-proto" || name == "x-forwarded-host" || name == "x-forwarded-port";
}

// Metadata that stands for a header of its own cannot be given a second time.
bool HasAHeader(std::string_view name) {
  return name == "authorization" || name == "traceparent" || name == "tracestate" || name == "x-amzn-trace-id" ||
         name == "user-agent" || name == "x-user-agent";
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

// Base64 as every gRPC server reads it: the standard alphabet, padded or not, no bits to spare. One that is malformed
// is worse than a call that fails: gRPC's own server then refuses that name on that connection, which all clients
// share.
bool ValidBase64(absl::string_view text) {
  if (absl::EndsWith(text, "=")) {
    if (text.size() % 4 != 0) return false;
    text.remove_suffix(absl::EndsWith(text, "==") ? 2 : 1);
  }
  const size_t rest = text.size() % 4;
  const bool characters = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
  });
  if (!characters || rest == 1) return false;
  return rest == 0 || absl::StrContains(rest == 2 ? "AQgw" : "AEIMQUYcgkosw048", text.back());
}

// Several values may share a line (gRPC over HTTP/2, Custom-Metadata); not every server takes them apart.
void AppendBinary(std::string_view name, std::string_view value, HeaderList* out) {
  for (const absl::string_view part : absl::StrSplit(core::ToAbsl(value), ',')) {
    const absl::string_view text = absl::StripAsciiWhitespace(part);
    const bool missing = text.empty() && part.size() != value.size();
    if (!missing && ValidBase64(text)) out->push_back({name, core::ToStd(text)});
  }
}

void AppendMetadata(std::string_view name, std::string_view value, HeaderList* out) {
  if (absl::EndsWith(core::ToAbsl(name), "-bin")) {
    AppendBinary(name, value, out);
  } else {
    out->push_back({name, value});
  }
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
  for (const std::string& network : config.trusted_proxies()) {
    trusted_.Add(network).IgnoreError();  // SettingsFromConfig has refused what is none
  }
}

HopByHop::HopByHop(const http::RequestHead& head) {
  if (head.protocol == http::Protocol::kHttp2) return;
  for (const http::Header& header : head.headers) {
    if (header.name != "connection") continue;
    const absl::string_view value = core::ToAbsl(header.value);
    if (!absl::EqualsIgnoreCase(value, "close") && !absl::EqualsIgnoreCase(value, "keep-alive")) {
      lines_.push_back(header.value);
    }
  }
}

bool HopByHop::Names(std::string_view name) const {
  for (const std::string_view line : lines_) {
    for (const absl::string_view option : absl::StrSplit(core::ToAbsl(line), ',')) {
      if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(option), core::ToAbsl(name))) return true;
    }
  }
  return false;
}

void HeaderMap::AppendRequestHeader(const http::Header& header, HeaderList* out) const {
  if (const auto at = request_.find(core::ToAbsl(header.name)); at != request_.end()) {
    AppendMetadata(at->second, header.value, out);
    return;
  }
  if (header.name.size() <= kMetadataPrefix.size() ||
      header.name.substr(0, kMetadataPrefix.size()) != kMetadataPrefix) {
    return;
  }
  const std::string_view name = header.name.substr(kMetadataPrefix.size());
  const bool grpc = absl::StartsWith(core::ToAbsl(name), "grpc-");
  if (Reserved(name) || grpc || HasAHeader(name) || !ValidMetadataName(name)) return;
  AppendMetadata(name, header.value, out);
}

void HeaderMap::RequestMetadata(const http::RequestHead& head, HeaderList* out) const {
  const HopByHop ends_here(head);
  for (const http::Header& header : head.headers) {
    if (!ends_here.Names(header.name)) AppendRequestHeader(header, out);
  }
  AppendSaidByProxies(head, out);
}

void HeaderMap::DeclaredMetadata(const http::RequestHead& head, absl::Span<const std::string> declared,
                                 HeaderList* out) const {
  const HopByHop ends_here(head);
  for (const http::Header& header : head.headers) {
    const bool kept =
        SaysWhoAndWhere(header.name) || std::find(declared.begin(), declared.end(), header.name) != declared.end();
    if (kept && !ends_here.Names(header.name)) AppendRequestHeader(header, out);
  }
}

void HeaderMap::PassThroughMetadata(const http::RequestHead& head, bool web, HeaderList* out) const {
  const HopByHop ends_here(head);
  for (const http::Header& header : head.headers) {
    if (Reserved(header.name) || GrpcOwn(header.name) || (web && BrowsersOwn(header.name))) continue;
    if (!ends_here.Names(header.name)) AppendMetadata(header.name, header.value, out);
  }
  AppendSaidByProxies(head, out);
}

void HeaderMap::AppendSaidByProxies(const http::RequestHead& head, HeaderList* out) const {
  if (!trusted_.Trusts(head)) return;
  for (const http::Header& header : head.headers) {
    if (SaidByProxies(header.name)) out->push_back(header);
  }
}

std::string_view HeaderMap::ResponseName(std::string_view metadata_name) const {
  const auto at = response_.find(core::ToAbsl(metadata_name));
  return at == response_.end() ? std::string_view() : at->second;
}

bool HeaderMap::PassesBack(std::string_view metadata_name) {
  static constexpr std::array<std::string_view, 11> kNames = {
      "content-length", "connection", "keep-alive",   "proxy-connection", "transfer-encoding", "upgrade", "te",
      "trailer",        "date",       "x-request-id", ":status"};
  return std::find(kNames.begin(), kNames.end(), metadata_name) == kNames.end();
}

void HeaderMap::AppendForwardedFor(const http::RequestHead& head, std::string* out) const {
  if (trusted_.Trusts(head)) {
    for (const http::Header& header : head.headers) {
      if (header.name != "x-forwarded-for" || header.value.empty()) continue;
      out->append(header.value);
      out->append(", ");
    }
  }
  out->append(HostOfPeer(head.peer));
}

}  // namespace stratus::gateway::proxy
