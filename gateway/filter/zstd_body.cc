#define ZSTD_STATIC_LINKING_ONLY  // for a decoder that counts its memory
#include <zstd.h>

#include <algorithm>

#include "gateway/filter/body_codecs.h"
#include "gateway/filter/counted_memory.h"

namespace stratus::gateway::filter {
namespace {

// 8 MiB: what RFC 9659 lets a sender use. A frame that asks for more is refused before memory is taken for it.
constexpr int kWindowLogMax = 23;

struct Free {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class ZstdReader final : public BodyReader {
 public:
  ZstdReader() : context_(ZSTD_createDCtx_advanced({CountedAllocate, CountedFree, nullptr})) {
    if (context_ != nullptr) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  }

  bool Read(std::string_view* input, size_t room, Buffer* out) override {
    if (context_ == nullptr) return false;
    ZSTD_inBuffer in = {input->data(), input->size(), 0};
    const size_t limit = out->size() + room;
    bool good = true;
    do {
      const size_t piece = std::min(kCodedPiece, limit - out->size());
      ZSTD_outBuffer to = {out->Reserve(piece), piece, 0};
      const size_t taken_before = in.pos;
      const size_t hint = ZSTD_decompressStream(context_.get(), &to, &in);
      good = ZSTD_isError(hint) == 0;
      if (!good) break;
      out->SetEnd(out->end() + to.pos);
      // A call that takes and gives nothing says only what it would like next.
      if (in.pos > taken_before || to.pos > 0) complete_ = hint == 0;
      has_more_ = to.pos == to.size;
    } while (out->size() < limit && (in.pos < in.size || has_more_));
    input->remove_prefix(in.pos);
    return good;
  }

 private:
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

class ZstdWriter final : public BodyWriter {
 public:
  explicit ZstdWriter(int level) : level_(level), context_(ZSTD_createCCtx()) {}

  bool Write(std::string_view body, Buffer* out) override {
    if (context_ == nullptr) return false;
    const size_t room = ZSTD_compressBound(body.size());
    const size_t size = ZSTD_compressCCtx(context_.get(), out->Reserve(room), room, body.data(), body.size(), level_);
    if (ZSTD_isError(size) != 0) return false;
    out->SetEnd(out->end() + size);
    return true;
  }

 private:
  const int level_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

std::unique_ptr<BodyReader> MakeZstdReader() { return std::make_unique<ZstdReader>(); }
std::unique_ptr<BodyWriter> MakeZstdWriter(int level) { return std::make_unique<ZstdWriter>(level); }

}  // namespace stratus::gateway::filter
