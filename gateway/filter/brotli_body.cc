#include <brotli/decode.h>
#include <brotli/encode.h>

#include <algorithm>

#include "gateway/filter/body_codecs.h"
#include "gateway/filter/counted_memory.h"

namespace stratus::gateway::filter {
namespace {

struct Free {
  void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
};

class BrotliReader final : public BodyReader {
 public:
  BrotliReader() : state_(BrotliDecoderCreateInstance(CountedAllocate, CountedFree, nullptr)) {}

  bool Read(std::string_view* input, size_t room, Buffer* out) override {
    if (state_ == nullptr) return false;
    const auto* next_in = reinterpret_cast<const uint8_t*>(input->data());
    size_t left_in = input->size();
    const size_t limit = out->size() + room;
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_SUCCESS;
    do {
      if (ended_) {
        // There is nothing like a second member.
        has_more_ = false;
        if (left_in > 0) result = BROTLI_DECODER_RESULT_ERROR;
        break;
      }
      if (left_in > 0) complete_ = false;
      const size_t piece = std::min(kCodedPiece, limit - out->size());
      auto* next_out = reinterpret_cast<uint8_t*>(out->Reserve(piece));
      size_t left_out = piece;
      result = BrotliDecoderDecompressStream(state_.get(), &left_in, &next_in, &left_out, &next_out, nullptr);
      out->SetEnd(reinterpret_cast<char*>(next_out));
      ended_ = result == BROTLI_DECODER_RESULT_SUCCESS;
      complete_ = complete_ || ended_;
      // Not the result alone: it asks for input also while output waits for room.
      has_more_ = BrotliDecoderHasMoreOutput(state_.get()) != BROTLI_FALSE;
    } while (result != BROTLI_DECODER_RESULT_ERROR && out->size() < limit && (left_in > 0 || has_more_));
    input->remove_prefix(input->size() - left_in);
    return result != BROTLI_DECODER_RESULT_ERROR;
  }

 private:
  std::unique_ptr<BrotliDecoderState, Free> state_;
  bool ended_ = false;
};

class BrotliWriter final : public BodyWriter {
 public:
  explicit BrotliWriter(int level) : level_(level) {}

  bool Write(std::string_view body, Buffer* out) override {
    size_t size = BrotliEncoderMaxCompressedSize(body.size());
    if (size == 0) return false;
    auto* const to = reinterpret_cast<uint8_t*>(out->Reserve(size));
    const auto* const from = reinterpret_cast<const uint8_t*>(body.data());
    const BROTLI_BOOL done =
        BrotliEncoderCompress(level_, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, body.size(), from, &size, to);
    if (done == BROTLI_FALSE) return false;
    out->SetEnd(out->end() + size);
    return true;
  }

 private:
  const int level_;
};

}  // namespace

std::unique_ptr<BodyReader> MakeBrotliReader() { return std::make_unique<BrotliReader>(); }
std::unique_ptr<BodyWriter> MakeBrotliWriter(int level) { return std::make_unique<BrotliWriter>(level); }

}  // namespace stratus::gateway::filter
