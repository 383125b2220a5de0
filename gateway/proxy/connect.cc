#include "gateway/proxy/connect.h"

#include <array>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/proxy/header_map.h"
#include "gateway/route/percent.h"
#include "gateway/transcode/base64.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr size_t kTimeoutDigitsMax = 10;
constexpr char kEndOfStream = 2;  // a flag of the frame

struct NamedForm {
  std::string_view content_type;
  ConnectForm form;
};
constexpr NamedForm kForms[] = {
    {"application/json", {.json = true, .streaming = false}},
    {"application/proto", {.json = false, .streaming = false}},
    {"application/connect+json", {.json = true, .streaming = true}},
    {"application/connect+proto", {.json = false, .streaming = true}},
};

// By gRPC's code.
constexpr std::array<std::string_view, 17> kCodes = {
    "",          "canceled",       "unknown",           "invalid_argument",   "deadline_exceeded",
    "not_found", "already_exists", "permission_denied", "resource_exhausted", "failed_precondition",
    "aborted",   "out_of_range",   "unimplemented",     "internal",           "unavailable",
    "data_loss", "unauthenticated"};

std::string_view CodeOf(const google::rpc::Status& error) {
  const auto code = static_cast<size_t>(error.code());
  return code > 0 && code < kCodes.size() ? kCodes[code] : kCodes[2];
}

void AppendString(std::string_view text, Buffer* out) {
  std::string quoted;
  core::AppendJsonString(&quoted, text);
  out->Append(quoted);
}

std::string UnpaddedBase64(std::string_view bytes) {
  std::string text = absl::Base64Escape(core::ToAbsl(bytes));
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

// A header may come several times: name -> all its values.
void AppendMetadata(absl::Span<const http::Header> trailers, Buffer* out) {
  std::map<std::string_view, std::vector<std::string_view>> by_name;
  for (const http::Header& trailer : trailers) {
    if (PassesToConnect(trailer.name)) by_name[trailer.name].push_back(trailer.value);
  }
  if (by_name.empty()) return;
  if (out->view().back() != '{') out->Append(',');
  out->Append(std::string_view("\"metadata\":"));
  char separator = '{';
  for (const auto& [name, values] : by_name) {
    out->Append(separator);
    separator = ',';
    AppendString(name, out);
    char before_value = '[';
    out->Append(':');
    for (const std::string_view value : values) {
      out->Append(before_value);
      before_value = ',';
      AppendString(value, out);
    }
    out->Append(']');
  }
  out->Append('}');
}

// A query's value: `+` is a space there, unlike in a path.
absl::StatusOr<std::string> DecodeValue(absl::string_view name, absl::string_view text) {
  std::string spaced(text);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  std::string decoded;
  if (!route::AppendPercentDecoded(spaced, route::Keep::kNothing, &decoded)) {
    return absl::InvalidArgumentError(absl::StrCat("the query parameter `", name, "` has a malformed percent-escape"));
  }
  return decoded;
}

absl::StatusOr<std::string> Base64Decoded(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const char* const end = transcode::ReadBase64(bytes.data(), text);
  if (end == nullptr) return absl::InvalidArgumentError("the query parameter `message` is not base64");
  bytes.resize(static_cast<size_t>(end - bytes.data()));
  return bytes;
}

}  // namespace

std::optional<ConnectForm> ConnectFormOf(std::string_view content_type) {
  const std::string_view type =
      core::ToStd(absl::StripAsciiWhitespace(core::ToAbsl(content_type.substr(0, content_type.find(';')))));
  for (const NamedForm& named : kForms) {
    if (absl::EqualsIgnoreCase(core::ToAbsl(named.content_type), core::ToAbsl(type))) return named.form;
  }
  return std::nullopt;
}

std::string_view ContentTypeOf(ConnectForm form) {
  for (const NamedForm& named : kForms) {
    if (named.form == form) return named.content_type;
  }
  return {};
}

int64_t ParseConnectTimeout(std::string_view milliseconds) {
  if (milliseconds.empty() || milliseconds.size() > kTimeoutDigitsMax) return -1;
  int64_t value = 0;
  for (const char c : milliseconds) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value * 1'000'000;
}

bool IsConnectGet(std::string_view query) {
  const absl::string_view text = core::ToAbsl(query);
  return absl::StartsWith(text, "connect=v1&") || absl::StrContains(text, "&connect=v1&") ||
         absl::EndsWith(text, "&connect=v1");
}

absl::StatusOr<ConnectGet> ParseConnectGet(std::string_view query) {
  std::map<std::string, std::string> given;
  for (const absl::string_view pair : absl::StrSplit(core::ToAbsl(query), '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(pair, absl::MaxSplits('=', 1));
    auto value = DecodeValue(parts.first, parts.second);
    if (!value.ok()) return value.status();
    if (!given.emplace(parts.first, *std::move(value)).second) {
      return absl::InvalidArgumentError(absl::StrCat("the query parameter `", parts.first, "` is given twice"));
    }
  }
  ConnectGet get;
  if (given["encoding"] != "json" && given["encoding"] != "proto") {
    return absl::InvalidArgumentError("the query parameter `encoding` must be json or proto");
  }
  get.coding = filter::ContentCodingOf(given["compression"]);
  if (get.coding == filter::ContentCoding::kUnknown) {
    return absl::UnimplementedError(
        absl::StrCat("the query parameter `compression` must be one of ", filter::kCodingNames, ", or absent"));
  }
  get.json = given["encoding"] == "json";
  get.message = given["message"];
  if (given["base64"] != "1") return get;
  auto bytes = Base64Decoded(get.message);
  if (!bytes.ok()) return bytes.status();
  get.message = *std::move(bytes);
  return get;
}

bool PassesToConnect(std::string_view metadata_name) {
  return HeaderMap::PassesBack(metadata_name) && metadata_name != "content-type" &&
         !absl::StartsWith(core::ToAbsl(metadata_name), "grpc-");
}

void AppendConnectError(const google::rpc::Status& error, Buffer* out) {
  out->Append(std::string_view("{\"code\":\""));
  out->Append(CodeOf(error));
  out->Append('"');
  if (!error.message().empty()) {
    out->Append(std::string_view(",\"message\":"));
    AppendString(error.message(), out);
  }
  for (int i = 0; i < error.details_size(); ++i) {
    const std::string& url = error.details(i).type_url();
    out->Append(i == 0 ? std::string_view(",\"details\":[{\"type\":") : std::string_view(",{\"type\":"));
    AppendString(std::string_view(url).substr(url.rfind('/') + 1), out);  // npos + 1 is 0
    out->Append(std::string_view(",\"value\":\""));
    out->Append(UnpaddedBase64(error.details(i).value()));
    out->Append(std::string_view("\"}"));
  }
  if (!error.details().empty()) out->Append(']');
  out->Append('}');
}

void AppendConnectEnd(const google::rpc::Status* error, absl::Span<const http::Header> trailers, Buffer* out) {
  const size_t start = out->size();
  out->Resize(start + kPrefixBytes);
  out->Append('{');
  if (error != nullptr) {
    out->Append(std::string_view("\"error\":"));
    AppendConnectError(*error, out);
  }
  AppendMetadata(trailers, out);
  out->Append('}');
  WritePrefix(out->size() - start - kPrefixBytes, out->data() + start);
  out->data()[start] = kEndOfStream;
}

}  // namespace stratus::gateway::proxy
