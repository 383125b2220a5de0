#include "gateway/filter/content_coding.h"

#include <gtest/gtest.h>

#include <string>

namespace stratus::gateway::filter {
namespace {

std::string Encode(ContentCoding coding, std::string_view text) {
  Buffer out;
  EXPECT_TRUE(MakeBodyWriter(coding, 1)->Write(text, &out));
  return std::string(out.view());
}

struct Decoded {
  std::string text;
  bool good = true;
  bool complete = false;
};

// In pieces of `cut` bytes, at most `room` bytes at a time.
Decoded Decode(ContentCoding coding, std::string_view coded, size_t cut, size_t room) {
  const auto reader = MakeBodyReader(coding);
  Decoded decoded;
  Buffer out;
  for (size_t at = 0; at < coded.size() && decoded.good; at += cut) {
    std::string_view piece = coded.substr(at, cut);
    while (decoded.good && (!piece.empty() || reader->has_more())) {
      const size_t before = out.size();
      decoded.good = reader->Read(&piece, room, &out);
      EXPECT_LE(out.size() - before, room);
    }
  }
  decoded.text = out.view();
  decoded.complete = reader->complete();
  return decoded;
}

std::string LongText() {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i * i);
  return text;
}

class EveryCoding : public ::testing::TestWithParam<ContentCoding> {};
INSTANTIATE_TEST_SUITE_P(Codings, EveryCoding,
                         ::testing::Values(ContentCoding::kGzip, ContentCoding::kZstd, ContentCoding::kBrotli),
                         [](const auto& of) { return std::string(NameOf(of.param)); });

TEST_P(EveryCoding, GivesTheSameBytesHoweverTheyAreCut) {
  const std::string text = LongText();
  const std::string coded = Encode(GetParam(), text);
  EXPECT_LT(coded.size(), text.size());
  for (const size_t cut : {size_t{1}, size_t{7}, size_t{1000}, size_t{100'000}}) {
    for (const size_t room : {size_t{1}, size_t{100}, size_t{1'000'000}}) {
      const Decoded decoded = Decode(GetParam(), coded, cut, room);
      EXPECT_TRUE(decoded.good);
      EXPECT_TRUE(decoded.complete);
      EXPECT_EQ(decoded.text, text) << cut << ", " << room;
    }
  }
}

TEST_P(EveryCoding, KnowsThatTheInputIsCutOrOfNoSuchCoding) {
  const std::string coded = Encode(GetParam(), LongText());
  EXPECT_FALSE(Decode(GetParam(), coded.substr(0, coded.size() - 1), 5, 100).complete);
  EXPECT_FALSE(Decode(GetParam(), "{\"name\":\"plain text\"}", 5, 100).good);
  EXPECT_FALSE(Decode(GetParam(), coded + "{}{}{}{}", 5, 100).good) << "what follows the end";
  EXPECT_TRUE(MakeBodyReader(GetParam())->complete()) << "no body at all";
}

TEST_P(EveryCoding, StopsWhereTheRoomEnds) {
  const std::string bomb = Encode(GetParam(), std::string(10 << 20, ' '));
  ASSERT_LT(bomb.size(), 100'000u);
  const auto reader = MakeBodyReader(GetParam());
  Buffer out;
  std::string_view input = bomb;
  ASSERT_TRUE(reader->Read(&input, 1000, &out));
  EXPECT_EQ(out.size(), 1000u);
  EXPECT_TRUE(reader->has_more());
}

TEST_P(EveryCoding, WritesManyBodiesOneAfterAnother) {
  const auto writer = MakeBodyWriter(GetParam(), 6);
  for (const size_t size : {size_t{0}, size_t{10}, size_t{1'000'000}, size_t{10}}) {
    Buffer out;
    const std::string text(size, 'x');
    ASSERT_TRUE(writer->Write(text, &out));
    EXPECT_EQ(Decode(GetParam(), out.view(), 1000, 1000).text, text);
  }
}

TEST_P(EveryCoding, IsDecodedUpToALimitThatTheBodyMayMeet) {
  const std::string text = LongText();
  const std::string coded = Encode(GetParam(), text);
  Buffer out;
  const auto within = MakeBodyReader(GetParam());
  EXPECT_EQ(AppendDecoded(within.get(), std::string_view(coded).substr(0, 9), text.size(), &out), DecodeResult::kTaken);
  EXPECT_EQ(AppendDecoded(within.get(), std::string_view(coded).substr(9), text.size(), &out), DecodeResult::kTaken);
  EXPECT_EQ(out.view(), text);
  EXPECT_TRUE(within->complete());
  out.Clear();
  const auto beyond = MakeBodyReader(GetParam());
  EXPECT_EQ(AppendDecoded(beyond.get(), coded, text.size() - 1, &out), DecodeResult::kTooLarge);
  out.Clear();
  const auto wrong = MakeBodyReader(GetParam());
  EXPECT_EQ(AppendDecoded(wrong.get(), "{\"name\":\"plain\"}", text.size(), &out), DecodeResult::kNotItsCoding);
}

TEST(ABodyWithoutCoding, IsTakenUpToTheLimit) {
  Buffer out;
  EXPECT_EQ(AppendDecoded(nullptr, "12345", 10, &out), DecodeResult::kTaken);
  EXPECT_EQ(AppendDecoded(nullptr, "67890", 10, &out), DecodeResult::kTaken);
  EXPECT_EQ(AppendDecoded(nullptr, "1", 10, &out), DecodeResult::kTooLarge);
  EXPECT_EQ(out.view(), "1234567890");
}

TEST(GzipAndZstd, MayBeSeveralMembers) {
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    const std::string coded = Encode(coding, "one") + Encode(coding, "") + Encode(coding, " and two");
    for (const size_t cut : {size_t{1}, size_t{1000}}) {
      const Decoded decoded = Decode(coding, coded, cut, 4);
      EXPECT_TRUE(decoded.good && decoded.complete);
      EXPECT_EQ(decoded.text, "one and two");
    }
  }
}

TEST(Gzip, ChecksItsSum) {
  std::string damaged = Encode(ContentCoding::kGzip, "hello, hello, hello");
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] + 1);
  EXPECT_FALSE(Decode(ContentCoding::kGzip, damaged, 100, 100).good);
}

// A window of 128 MiB (window descriptor 0x88), which would be memory taken by a few bytes.
TEST(Zstd, RefusesALargeWindow) {
  EXPECT_FALSE(
      Decode(ContentCoding::kZstd, std::string_view("\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", 9), 100, 100).good);
  EXPECT_TRUE(Decode(ContentCoding::kZstd, std::string_view("\x28\xb5\x2f\xfd\x00\x58\x01\x00\x00", 9), 100, 100).good);
}

TEST(ContentCoding, KnowsItsNames) {
  EXPECT_EQ(ContentCodingOf(""), ContentCoding::kIdentity);
  EXPECT_EQ(ContentCodingOf(" Identity "), ContentCoding::kIdentity);
  EXPECT_EQ(ContentCodingOf("GZIP"), ContentCoding::kGzip);
  EXPECT_EQ(ContentCodingOf("x-gzip"), ContentCoding::kGzip);
  EXPECT_EQ(ContentCodingOf("br"), ContentCoding::kBrotli);
  EXPECT_EQ(ContentCodingOf("zstd"), ContentCoding::kZstd);
  for (const char* coding : {"deflate", "gzip, gzip", "gzip;q=1", "zst"}) {
    EXPECT_EQ(ContentCodingOf(coding), ContentCoding::kUnknown) << coding;
  }
  EXPECT_EQ(MakeBodyReader(ContentCoding::kUnknown), nullptr);
  EXPECT_EQ(MakeBodyWriter(ContentCoding::kIdentity, 1), nullptr);
}

TEST(ContentCoding, WeighsWhatIsAccepted) {
  for (const char* accept :
       {"gzip", "deflate, gzip;q=0.5", "GZIP;Q=0.1", "gzip, identity", "x-gzip", "br;q=0.9, gzip"}) {
    EXPECT_EQ(ChooseCoding(accept), ContentCoding::kGzip) << accept;
  }
  for (const char* accept : {"gzip, deflate, br, zstd", "*", "*;q=0.3, identity;q=0.2", "zstd;q=0.1", "gzip, *"}) {
    EXPECT_EQ(ChooseCoding(accept), ContentCoding::kZstd) << accept;
  }
  for (const char* accept : {"gzip, deflate, br", "br", "zstd;q=0, *", "zstd;q=0.8, br;q=0.9, gzip;q=0.1"}) {
    EXPECT_EQ(ChooseCoding(accept), ContentCoding::kBrotli) << accept;
  }
  for (const char* accept : {"", "deflate", "gzip;q=0", "*;q=0", "identity, gzip;q=0.5", "gzip;q=x", "gzipped",
                             "identity", "identity, *;q=0.5"}) {
    EXPECT_EQ(ChooseCoding(accept), ContentCoding::kIdentity) << accept;
  }
}

}  // namespace
}  // namespace stratus::gateway::filter
