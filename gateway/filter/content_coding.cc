#include "gateway/filter/content_coding.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "lib/core/status.h"

namespace stratus::gateway::filter {
namespace {

// zlib's windowBits for the largest window, in gzip's format.
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;
constexpr size_t kOutputPiece = 16 << 10;

std::string_view Trim(std::string_view text) { return core::ToStd(absl::StripAsciiWhitespace(core::ToAbsl(text))); }

bool Equals(std::string_view a, std::string_view b) { return absl::EqualsIgnoreCase(core::ToAbsl(a), core::ToAbsl(b)); }

bool IsGzip(std::string_view name) { return Equals(name, "gzip") || Equals(name, "x-gzip"); }

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

Bytef* Bytes(const char* text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text)); }

uInt Clamp(size_t size) { return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max())); }

}  // namespace

ContentCoding ContentCodingOf(std::string_view content_encoding) {
  const std::string_view name = Trim(content_encoding);
  if (name.empty() || Equals(name, "identity")) return ContentCoding::kIdentity;
  return IsGzip(name) ? ContentCoding::kGzip : ContentCoding::kUnknown;
}

bool PrefersGzip(std::string_view accept_encoding) {
  double gzip = -1;      // not named
  double identity = -1;  // not named: acceptable, and less wanted than what is named
  double any = -1;
  while (!accept_encoding.empty()) {
    const size_t end = accept_encoding.find(',');
    const std::string_view entry = accept_encoding.substr(0, end);
    accept_encoding = end == std::string_view::npos ? std::string_view() : accept_encoding.substr(end + 1);
    const size_t semicolon = entry.find(';');
    const std::string_view name = Trim(entry.substr(0, semicolon));
    const double quality = semicolon == std::string_view::npos ? 1 : QualityOf(entry.substr(semicolon + 1));
    if (IsGzip(name)) {
      gzip = std::max(gzip, quality);
    } else if (Equals(name, "identity")) {
      identity = quality;
    } else if (name == "*") {
      any = quality;
    }
  }
  if (gzip < 0) gzip = any;
  return gzip > 0 && gzip >= identity;
}

GzipReader::GzipReader() { ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK; }

GzipReader::~GzipReader() {
  if (ready_) inflateEnd(&stream_);
}

bool GzipReader::Read(std::string_view* input, size_t room, Buffer* out) {
  if (!ready_) return false;
  stream_.next_in = Bytes(input->data());
  stream_.avail_in = Clamp(input->size());
  const size_t limit = out->size() + room;
  bool good = true;
  do {
    // Another member follows the one that has ended.
    if (complete_ && stream_.avail_in > 0) {
      inflateReset(&stream_);
      complete_ = false;
    }
    const size_t piece = std::min(kOutputPiece, limit - out->size());
    stream_.next_out = Bytes(out->Reserve(piece));
    stream_.avail_out = static_cast<uInt>(piece);
    const int result = complete_ ? Z_BUF_ERROR : inflate(&stream_, Z_NO_FLUSH);
    out->SetEnd(reinterpret_cast<char*>(stream_.next_out));
    complete_ = complete_ || result == Z_STREAM_END;
    has_more_ = stream_.avail_out == 0;
    good = result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
  } while (good && out->size() < limit && (stream_.avail_in > 0 || has_more_));
  input->remove_prefix(input->size() - stream_.avail_in);
  return good;
}

GzipWriter::GzipWriter(int level) {
  ready_ = deflateInit2(&stream_, level, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
}

GzipWriter::~GzipWriter() {
  if (ready_) deflateEnd(&stream_);
}

bool GzipWriter::Write(std::string_view body, Buffer* out) {
  if (!ready_ || deflateReset(&stream_) != Z_OK || body.size() > std::numeric_limits<uInt>::max()) return false;
  stream_.next_in = Bytes(body.data());
  stream_.avail_in = static_cast<uInt>(body.size());
  int result = Z_OK;
  while (result == Z_OK) {
    stream_.next_out = Bytes(out->Reserve(kOutputPiece));
    stream_.avail_out = kOutputPiece;
    result = deflate(&stream_, Z_FINISH);
    out->SetEnd(reinterpret_cast<char*>(stream_.next_out));
  }
  return result == Z_STREAM_END;
}

}  // namespace stratus::gateway::filter
