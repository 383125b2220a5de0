// Header fields whose value is another one in each call: ids, traces, tokens, the time that is left. No HPACK table is
// of use to them, and nghttp2 would Huffman-code them: some 2 ns a byte, the most of what a trace's two headers cost,
// to save a quarter of those bytes on a wire that is short. So they are written here, as literals that are never
// indexed (RFC 7541, 6.2.3), and put behind the header block that nghttp2 has made: they change no table, so that
// nghttp2 need not know of them.
#pragma once

#include <cstddef>
#include <string_view>

#include "gateway/transcode/buffer.h"

namespace stratus::gateway::upstream {

// Whether the field is one of those, and small enough to be written here; nghttp2 gets the others.
bool IsCallField(std::string_view name, std::string_view value);

// Appends the field as HPACK has it. `name`: lower case.
void AppendCallField(std::string_view name, std::string_view value, Buffer* block);

// Whether these bytes are the frame that ends a header block: HEADERS or CONTINUATION with END_HEADERS.
bool EndsHeaderBlock(std::string_view frame);
// The stream of a frame.
int StreamOf(std::string_view frame);

// Appends `frame`, which ends a header block, with `fields` at the block's end: in the frame itself, or in CONTINUATION
// frames where that would be larger than every peer takes.
void AppendHeaderBlockEnd(std::string_view frame, std::string_view fields, Buffer* out);

}  // namespace stratus::gateway::upstream
