#include "gateway/upstream/call_fields.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <string>

namespace stratus::gateway::upstream {
namespace {

using Fields = std::map<std::string, std::string>;

// What nghttp2 reads from a header block.
Fields Inflate(std::string_view block) {
  nghttp2_hd_inflater* inflater = nullptr;
  EXPECT_EQ(nghttp2_hd_inflate_new(&inflater), 0);
  Fields fields;
  const auto* in = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  for (;;) {
    nghttp2_nv nv;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, in, left, /*in_final=*/1);
    EXPECT_GE(used, 0);
    if (used < 0) break;
    in += used;
    left -= static_cast<size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      EXPECT_EQ(nv.flags & NGHTTP2_NV_FLAG_NO_INDEX, NGHTTP2_NV_FLAG_NO_INDEX);
      fields[{reinterpret_cast<char*>(nv.name), nv.namelen}] = {reinterpret_cast<char*>(nv.value), nv.valuelen};
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_del(inflater);
  return fields;
}

std::string Frame(char type, char flags, std::string_view payload) {
  std::string frame;
  for (int shift = 16; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(payload.size() >> shift));
  frame.push_back(type);
  frame.push_back(flags);
  frame.append({'\0', '\0', '\x01', '\x03'});
  return frame.append(payload);
}

TEST(CallFields, AreReadBackAtEveryLength) {
  for (const size_t size : {0, 1, 126, 127, 128, 254, 255, 4096}) {
    const Fields fields = {{"traceparent", std::string(size, 'a')}, {std::string(size + 1, 'n'), "value"}};
    Buffer block;
    for (const auto& [name, value] : fields) AppendCallField(name, value, &block);
    EXPECT_EQ(Inflate(block.view()), fields);
  }
}

TEST(CallFields, AreThoseThatDifferFromCallToCall) {
  EXPECT_TRUE(IsCallField("traceparent", "00-"));
  EXPECT_TRUE(IsCallField("authorization", "Bearer x"));
  EXPECT_FALSE(IsCallField("x-user-agent", "curl"));
  EXPECT_FALSE(IsCallField("authorization", std::string(4097, 'x')));
}

TEST(CallFields, EndTheHeaderBlockOfTheirFrame) {
  Buffer out;
  AppendHeaderBlockEnd(Frame(1, 5, "block"), "fields", &out);
  EXPECT_EQ(out.view(), Frame(1, 5, "blockfields"));
  EXPECT_TRUE(EndsHeaderBlock(out.view()));
  EXPECT_EQ(StreamOf(out.view()), 259);
}

TEST(CallFields, AppendToAFullFrameAsContinuations) {
  Buffer out;
  const std::string full(16'384, 'b');
  AppendHeaderBlockEnd(Frame(1, 5, full), std::string(16'384, 'f') + "end", &out);
  EXPECT_EQ(out.view(), Frame(1, 1, full) + Frame(9, 0, std::string(16'384, 'f')) + Frame(9, 4, "end"));
}

TEST(CallFields, LookAtNoOtherFrame) {
  EXPECT_FALSE(EndsHeaderBlock("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  EXPECT_FALSE(EndsHeaderBlock(Frame(0, 4, "data")));
  EXPECT_FALSE(EndsHeaderBlock(Frame(1, 0, "more follows")));
  EXPECT_TRUE(EndsHeaderBlock(Frame(9, 4, "")));
}

}  // namespace
}  // namespace stratus::gateway::upstream
