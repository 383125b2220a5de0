#include "gateway/proxy/grpc_web.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/transcode/base64.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

constexpr std::string_view kGrpc = "application/grpc";
constexpr std::string_view kWeb = "application/grpc-web";
constexpr std::string_view kWebText = "application/grpc-web-text";
constexpr char kTrailersFlag = static_cast<char>(0x80);

// Whether `type` is `base`, or `base+format`, with any parameters.
bool IsType(std::string_view type, std::string_view base) {
  if (!absl::StartsWithIgnoreCase(core::ToAbsl(type), core::ToAbsl(base))) return false;
  if (type.size() == base.size()) return true;
  const char next = type[base.size()];
  return next == '+' || next == ';' || next == ' ' || next == ',';
}

// `+proto` of `application/grpc+proto; charset=utf-8`; empty when there is none, or none that is fit for a header.
std::string_view FormatOf(std::string_view type) {
  const size_t plus = type.find('+');
  if (plus == std::string_view::npos) return {};
  size_t end = plus + 1;
  while (end < type.size() && absl::ascii_isalnum(static_cast<unsigned char>(type[end]))) ++end;
  return type.substr(plus, end - plus);
}

constexpr uint8_t kPad = 64;
constexpr uint8_t kNoCharacter = 65;

constexpr std::array<uint8_t, 256> MakeTable() {
  std::array<uint8_t, 256> table{};
  table.fill(kNoCharacter);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<uint8_t>(i);
  }
  table[static_cast<unsigned char>('=')] = kPad;
  return table;
}
constexpr std::array<uint8_t, 256> kTable = MakeTable();

}  // namespace

WebForm WebFormOf(std::string_view content_type) {
  if (IsType(content_type, kWebText)) return WebForm::kText;
  return IsType(content_type, kWeb) ? WebForm::kBinary : WebForm::kNone;
}

WebForm ResponseForm(WebForm request, std::string_view accept) {
  while (!accept.empty()) {
    const WebForm form = WebFormOf(accept);
    if (form != WebForm::kNone) return form;
    const size_t comma = accept.find(',');
    accept.remove_prefix(comma == std::string_view::npos ? accept.size() : comma + 1);
    while (!accept.empty() && accept.front() == ' ') accept.remove_prefix(1);
  }
  return request;
}

std::string GrpcContentType(std::string_view web_content_type) {
  return absl::StrCat(core::ToAbsl(kGrpc), core::ToAbsl(FormatOf(web_content_type)));
}

std::string WebContentType(WebForm form, std::string_view grpc_content_type) {
  std::string_view format = FormatOf(grpc_content_type);
  if (format.empty()) format = "+proto";
  return absl::StrCat(core::ToAbsl(form == WebForm::kText ? kWebText : kWeb), core::ToAbsl(format));
}

bool Base64Reader::Read(std::string_view text, Buffer* out) {
  for (const char c : text) {
    const uint8_t value = kTable[static_cast<unsigned char>(c)];
    if (value == kNoCharacter) return false;
    if (value == kPad) {
      ++padding_;
    } else if (padding_ > 0) {
      return false;
    }
    bits_ = bits_ << 6 | (value & 63);
    if (++count_ == 4 && !CloseQuantum(out)) return false;
  }
  return true;
}

bool Base64Reader::CloseQuantum(Buffer* out) {
  if (padding_ > 2) return false;
  const char bytes[] = {static_cast<char>(bits_ >> 16), static_cast<char>(bits_ >> 8), static_cast<char>(bits_)};
  out->Append(std::string_view(bytes, 3 - padding_));
  Reset();
  return true;
}

void AppendWeb(WebForm form, std::string_view bytes, Buffer* out) {
  if (form != WebForm::kText) return out->Append(bytes);
  char* const at = out->Reserve(transcode::Base64Size(bytes.size()));
  out->SetEnd(transcode::WriteBase64(at, bytes));
}

void AppendWebTrailers(WebForm form, absl::Span<const http::Header> trailers, Buffer* out) {
  Buffer frame;
  frame.Resize(kPrefixBytes);
  for (const http::Header& trailer : trailers) {
    if (trailer.value.find_first_of("\r\n") != std::string_view::npos) continue;  // would be a trailer of its own
    frame.Append(trailer.name);
    frame.Append(std::string_view(": "));
    frame.Append(trailer.value);
    frame.Append(std::string_view("\r\n"));
  }
  WritePrefix(frame.size() - kPrefixBytes, frame.data());
  *frame.data() = kTrailersFlag;
  AppendWeb(form, frame.view(), out);
}

}  // namespace stratus::gateway::proxy
