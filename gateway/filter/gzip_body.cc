#include <zlib.h>

#include <algorithm>
#include <limits>

#include "gateway/filter/body_codecs.h"
#include "gateway/filter/counted_memory.h"

namespace stratus::gateway::filter {
namespace {

// zlib's windowBits for the largest window, in gzip's format.
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

Bytef* Bytes(const char* text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text)); }

uInt Clamp(size_t size) { return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max())); }

class GzipReader final : public BodyReader {
 public:
  GzipReader() {
    stream_.zalloc = [](voidpf unused, uInt items, uInt size) {
      return CountedAllocate(unused, size_t{items} * size_t{size});
    };
    stream_.zfree = CountedFree;
    ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK;
  }
  ~GzipReader() override {
    if (ready_) inflateEnd(&stream_);
  }

  bool Read(std::string_view* input, size_t room, Buffer* out) override {
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
      const size_t piece = std::min(kCodedPiece, limit - out->size());
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

 private:
  z_stream stream_{};
  bool ready_ = false;
};

class GzipWriter final : public BodyWriter {
 public:
  explicit GzipWriter(int level) {
    ready_ = deflateInit2(&stream_, level, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipWriter() override {
    if (ready_) deflateEnd(&stream_);
  }

  bool Write(std::string_view body, Buffer* out) override {
    if (!ready_ || deflateReset(&stream_) != Z_OK || body.size() > std::numeric_limits<uInt>::max()) return false;
    stream_.next_in = Bytes(body.data());
    stream_.avail_in = static_cast<uInt>(body.size());
    int result = Z_OK;
    while (result == Z_OK) {
      stream_.next_out = Bytes(out->Reserve(kCodedPiece));
      stream_.avail_out = kCodedPiece;
      result = deflate(&stream_, Z_FINISH);
      out->SetEnd(reinterpret_cast<char*>(stream_.next_out));
    }
    return result == Z_STREAM_END;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<BodyReader> MakeGzipReader() { return std::make_unique<GzipReader>(); }
std::unique_ptr<BodyWriter> MakeGzipWriter(int level) { return std::make_unique<GzipWriter>(level); }

}  // namespace stratus::gateway::filter
