#include "gateway/http/response_head.h"

#include "gateway/http/date_cache.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

TEST(ResponseHead, IsPatchedWithTheLengthOfTheBody) {
  Buffer out;
  const Header headers[] = {{"content-type", "text/plain"}};
  const size_t at = AppendResponseHead({.status = 404, .headers = headers, .date = "D"}, &out);
  PatchLength(at, 1234567, &out);
  EXPECT_EQ(out.view(),
            "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ndate: D\r\ncontent-length:      1234567\r\n\r\n");
}

TEST(ResponseHead, SaysHowTheBodyEndsAndWhetherTheConnectionDoes) {
  Buffer out;
  AppendResponseHead({.headers = {}, .date = "D", .framing = Framing::kChunked, .persistence = Persistence::kClose},
                     &out);
  EXPECT_EQ(out.view(), "HTTP/1.1 200 OK\r\ndate: D\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
}

TEST(ResponseHead, HasAnEmptyReasonForAStatusWithoutOne) {
  Buffer out;
  AppendResponseHead({.status = 299, .headers = {}, .date = "D", .framing = Framing::kNone}, &out);
  EXPECT_EQ(out.view(), "HTTP/1.1 299 \r\ndate: D\r\n\r\n");
}

TEST(DateCache, FormatsAsRfc9110Says) {
  DateCache cache;
  EXPECT_EQ(cache.At(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.At(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(cache.At(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(IsSafeHeaderValue, FindsWhatWouldEndALineAnywhere) {
  for (size_t size = 0; size <= 20; ++size) {
    const std::string safe(size, 'x');
    EXPECT_TRUE(IsSafeHeaderValue(safe));
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string value = safe;
        value[at] = static_cast<char>(byte);
        EXPECT_EQ(IsSafeHeaderValue(value), byte != 0 && byte != '\r' && byte != '\n')
            << size << " " << at << " " << byte;
      }
    }
  }
  EXPECT_FALSE(IsSafeHeaderValue("\tabcdefghijklmno\r")) << "a tab, which is safe, comes first";
}

}  // namespace
}  // namespace stratus::gateway::http
