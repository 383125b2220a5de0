#include "gateway/filter/content_coding.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "gateway/filter/body_codecs.h"
#include "lib/core/status.h"

namespace stratus::gateway::filter {
namespace {

// By ContentCoding.
constexpr std::array<std::string_view, kContentCodings> kNames = {"identity", "zstd", "br", "gzip"};

std::string_view Trim(std::string_view text) { return core::ToStd(absl::StripAsciiWhitespace(core::ToAbsl(text))); }

bool Equals(std::string_view a, std::string_view b) { return absl::EqualsIgnoreCase(core::ToAbsl(a), core::ToAbsl(b)); }

ContentCoding ByName(std::string_view name) {
  if (Equals(name, "x-gzip")) return ContentCoding::kGzip;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (Equals(name, kNames[i])) return static_cast<ContentCoding>(i);
  }
  return ContentCoding::kUnknown;
}

// 1 without a q parameter, 0 with a malformed one.
double QualityOf(std::string_view parameters) {
  while (!parameters.empty()) {
    const size_t end = parameters.find(';');
    const std::string_view parameter = Trim(parameters.substr(0, end));
    parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
    if (parameter.size() < 2 || (parameter[0] | 0x20) != 'q' || parameter[1] != '=') continue;
    double quality = 0;
    return absl::SimpleAtod(core::ToAbsl(parameter.substr(2)), &quality) && quality >= 0 && quality <= 1 ? quality : 0;
  }
  return 1;
}

}  // namespace

std::string_view NameOf(ContentCoding coding) {
  const auto i = static_cast<size_t>(coding);
  return i < kNames.size() ? kNames[i] : std::string_view();
}

ContentCoding ContentCodingOf(std::string_view content_encoding) {
  const std::string_view name = Trim(content_encoding);
  return name.empty() ? ContentCoding::kIdentity : ByName(name);
}

ContentCoding ChooseCoding(std::string_view accept_encoding) {
  constexpr double kNotNamed = -1;
  std::array<double, kContentCodings> qualities;
  qualities.fill(kNotNamed);
  double any = kNotNamed;
  while (!accept_encoding.empty()) {
    const size_t end = accept_encoding.find(',');
    const std::string_view entry = accept_encoding.substr(0, end);
    accept_encoding = end == std::string_view::npos ? std::string_view() : accept_encoding.substr(end + 1);
    const size_t semicolon = entry.find(';');
    const std::string_view name = Trim(entry.substr(0, semicolon));
    const double quality = semicolon == std::string_view::npos ? 1 : QualityOf(entry.substr(semicolon + 1));
    if (name == "*") any = quality;
    const auto i = static_cast<size_t>(ByName(name));
    if (i < qualities.size()) qualities[i] = std::max(qualities[i], quality);
  }
  // Identity that is not named is acceptable, and less wanted than what is named.
  double best_quality = std::max(qualities[0], 0.0);
  ContentCoding best = ContentCoding::kIdentity;
  for (size_t i = 1; i < qualities.size(); ++i) {
    const double quality = qualities[i] == kNotNamed ? any : qualities[i];
    const bool first = best == ContentCoding::kIdentity;
    if (quality <= 0 || quality < best_quality || (quality == best_quality && !first)) continue;
    best_quality = quality;
    best = static_cast<ContentCoding>(i);
  }
  return best;
}

DecodeResult AppendDecoded(BodyReader* reader, std::string_view piece, size_t bytes_max, Buffer* out,
                           absl::FunctionRef<bool(size_t more)> has_room) {
  if (reader == nullptr) {
    if (piece.size() > bytes_max - out->size()) return DecodeResult::kTooLarge;
    out->Append(piece);
    return DecodeResult::kTaken;
  }
  DecodeResult result = DecodeResult::kTaken;
  while (result == DecodeResult::kTaken && (!piece.empty() || reader->has_more())) {
    result = DecodePiece(reader, &piece, bytes_max, out, has_room);
  }
  return result;
}

DecodeResult DecodePiece(BodyReader* reader, std::string_view* piece, size_t bytes_max, Buffer* out,
                         absl::FunctionRef<bool(size_t more)> has_room) {
  constexpr size_t kPiece = 128 << 10;
  if (piece->empty() && !reader->has_more()) return DecodeResult::kTaken;
  if (!has_room(kPiece)) return DecodeResult::kNoRoom;
  // One byte more than may be: else a body of just the limit could not be told from one that goes on.
  const size_t room = std::min(bytes_max + 1 - out->size(), kPiece);
  if (!reader->Read(piece, room, out)) return DecodeResult::kNotItsCoding;
  return out->size() > bytes_max ? DecodeResult::kTooLarge : DecodeResult::kTaken;
}

std::unique_ptr<BodyReader> MakeBodyReader(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::kGzip: return MakeGzipReader();
    case ContentCoding::kZstd: return MakeZstdReader();
    case ContentCoding::kBrotli: return MakeBrotliReader();
    case ContentCoding::kIdentity:
    case ContentCoding::kUnknown: break;
  }
  return nullptr;
}

std::unique_ptr<BodyWriter> MakeBodyWriter(ContentCoding coding, int level) {
  switch (coding) {
    case ContentCoding::kGzip: return MakeGzipWriter(level);
    case ContentCoding::kZstd: return MakeZstdWriter(level);
    case ContentCoding::kBrotli: return MakeBrotliWriter(level);
    case ContentCoding::kIdentity:
    case ContentCoding::kUnknown: break;
  }
  return nullptr;
}

}  // namespace stratus::gateway::filter
