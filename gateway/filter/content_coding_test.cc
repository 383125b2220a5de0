#include "gateway/filter/content_coding.h"

#include <gtest/gtest.h>

#include <string>

namespace stratus::gateway::filter {
namespace {

std::string Gzip(std::string_view text) {
  GzipWriter writer(1);
  Buffer out;
  EXPECT_TRUE(writer.Write(text, &out));
  return std::string(out.view());
}

struct Decoded {
  std::string text;
  bool good = true;
  bool complete = false;
};

// In pieces of `cut` bytes, at most `room` bytes at a time.
Decoded Gunzip(std::string_view coded, size_t cut, size_t room) {
  GzipReader reader;
  Decoded decoded;
  Buffer out;
  for (size_t at = 0; at < coded.size() && decoded.good; at += cut) {
    std::string_view piece = coded.substr(at, cut);
    while (decoded.good && (!piece.empty() || reader.has_more())) {
      const size_t before = out.size();
      decoded.good = reader.Read(&piece, room, &out);
      EXPECT_LE(out.size() - before, room);
    }
  }
  decoded.text = out.view();
  decoded.complete = reader.complete();
  return decoded;
}

TEST(GzipReader, FindsTheSameBytesHoweverTheyAreCut) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i * i);
  const std::string coded = Gzip(text) + Gzip("") + Gzip(" and a second member");
  for (const size_t cut : {size_t{1}, size_t{7}, size_t{1000}, size_t{100'000}}) {
    for (const size_t room : {size_t{1}, size_t{100}, size_t{1'000'000}}) {
      const Decoded decoded = Gunzip(coded, cut, room);
      EXPECT_TRUE(decoded.good);
      EXPECT_TRUE(decoded.complete);
      EXPECT_EQ(decoded.text, text + " and a second member") << cut << ", " << room;
    }
  }
}

TEST(GzipReader, KnowsThatTheInputIsCutOrNoGzip) {
  const std::string coded = Gzip("hello, hello, hello");
  EXPECT_FALSE(Gunzip(coded.substr(0, coded.size() - 1), 5, 100).complete);
  EXPECT_FALSE(Gunzip("{}", 5, 100).good);
  EXPECT_FALSE(Gunzip(coded + "{}", 5, 100).good);
  std::string damaged = coded;
  damaged[coded.size() - 6] = static_cast<char>(damaged[coded.size() - 6] + 1);  // in the checksum
  EXPECT_FALSE(Gunzip(damaged, 100, 100).good);
}

TEST(GzipReader, StopsWhereTheRoomEnds) {
  const std::string bomb = Gzip(std::string(10 << 20, ' '));
  ASSERT_LT(bomb.size(), 100'000u);
  GzipReader reader;
  Buffer out;
  std::string_view input = bomb;
  ASSERT_TRUE(reader.Read(&input, 1000, &out));
  EXPECT_EQ(out.size(), 1000u);
  EXPECT_TRUE(reader.has_more());
}

TEST(GzipWriter, WritesManyBodiesOneAfterAnother) {
  GzipWriter writer(6);
  for (const size_t size : {size_t{0}, size_t{10}, size_t{1'000'000}, size_t{10}}) {
    Buffer out;
    const std::string text(size, 'x');
    ASSERT_TRUE(writer.Write(text, &out));
    EXPECT_EQ(Gunzip(out.view(), 1000, 1000).text, text);
  }
}

TEST(ContentCoding, KnowsGzipByBothNames) {
  EXPECT_EQ(ContentCodingOf(""), ContentCoding::kIdentity);
  EXPECT_EQ(ContentCodingOf(" Identity "), ContentCoding::kIdentity);
  EXPECT_EQ(ContentCodingOf("GZIP"), ContentCoding::kGzip);
  EXPECT_EQ(ContentCodingOf("x-gzip"), ContentCoding::kGzip);
  for (const char* coding : {"br", "deflate", "gzip, gzip", "gzip;q=1"}) {
    EXPECT_EQ(ContentCodingOf(coding), ContentCoding::kUnknown) << coding;
  }
}

TEST(ContentCoding, WeighsWhatIsAccepted) {
  for (const char* accept :
       {"gzip", "deflate, gzip;q=0.5, br", "GZIP;Q=0.1", "*", "*;q=0.3, identity;q=0.2", "gzip, identity", "x-gzip"}) {
    EXPECT_TRUE(PrefersGzip(accept)) << accept;
  }
  for (const char* accept :
       {"", "br", "gzip;q=0", "gzip;q=0, *", "*;q=0", "identity, gzip;q=0.5", "gzip;q=x", "gzipped", "identity"}) {
    EXPECT_FALSE(PrefersGzip(accept)) << accept;
  }
}

}  // namespace
}  // namespace stratus::gateway::filter
