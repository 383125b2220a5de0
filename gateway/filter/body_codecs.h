// The codings' readers and writers, a file each; made by content_coding.cc.
#pragma once

#include <memory>

#include "gateway/filter/content_coding.h"

namespace stratus::gateway::filter {

// Output is asked for in pieces of this size.
inline constexpr size_t kCodedPiece = 16 << 10;

std::unique_ptr<BodyReader> MakeGzipReader();
std::unique_ptr<BodyWriter> MakeGzipWriter(int level);
std::unique_ptr<BodyReader> MakeZstdReader();
std::unique_ptr<BodyWriter> MakeZstdWriter(int level);
std::unique_ptr<BodyReader> MakeBrotliReader();
std::unique_ptr<BodyWriter> MakeBrotliWriter(int level);

}  // namespace stratus::gateway::filter
