// The small writers and readers beneath the transcoder, each against another implementation of the same.
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "gateway/transcode/base64.h"
#include "gateway/transcode/name_index.h"
#include "gateway/transcode/number_parse.h"
#include "gateway/transcode/number_text.h"
#include "gateway/transcode/time_text.h"
#include "gateway/transcode/utf8.h"
#include "gateway/transcode/wire.h"

namespace stratus::gateway::transcode {
namespace {

template <typename Value, typename Writer>
std::string Written(Writer writer, Value value) {
  char text[2 * kNumberSizeMax];
  return {text, writer(text, value)};
}
std::string DoubleText(double value) { return Written(WriteDouble, value); }
std::string FloatText(float value) { return Written(WriteFloat, value); }

TEST(NumberText, WritesIntegers) {
  for (const uint64_t value : {0ull, 1ull, 9ull, 10ull, 99ull, 100ull, 999ull, 1000ull, 9999ull, 10000ull, 99999999ull,
                               100000000ull, 9999999999999999ull, 10000000000000000ull, 18446744073709551615ull}) {
    EXPECT_EQ(Written(WriteUint, value), std::to_string(value));
    const auto negative = static_cast<int64_t>(0 - value);
    EXPECT_EQ(Written(WriteInt, negative), std::to_string(negative));
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t value = random() >> (random() % 64);
    ASSERT_EQ(Written(WriteUint, value), std::to_string(value));
  }
}

TEST(NumberText, WritesShortDecimalsAsPeopleWriteThem) {
  EXPECT_EQ(DoubleText(0), "0");
  EXPECT_EQ(DoubleText(-0.0), "-0");
  EXPECT_EQ(DoubleText(0.1), "0.1");
  EXPECT_EQ(DoubleText(-12.34), "-12.34");
  EXPECT_EQ(DoubleText(1013.25), "1013.25");
  EXPECT_EQ(DoubleText(21.0278), "21.0278");
  EXPECT_EQ(DoubleText(105.834216), "105.834216");
  EXPECT_EQ(DoubleText(0.30000000000000004), "0.30000000000000004");
  EXPECT_EQ(DoubleText(1e21), "1e+21");
  EXPECT_EQ(DoubleText(5e-324), "5e-324");
  EXPECT_EQ(DoubleText(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(DoubleText(std::numeric_limits<double>::quiet_NaN()), "\"NaN\"");
  EXPECT_EQ(DoubleText(-std::numeric_limits<double>::infinity()), "\"-Infinity\"");
  EXPECT_EQ(FloatText(0.1f), "0.1");
  EXPECT_EQ(FloatText(-0.0f), "-0");
  EXPECT_EQ(FloatText(3.4028235e38f), "3.4028235e+38");
  EXPECT_EQ(FloatText(1.17549435e-38f), "1.1754944e-38");
  EXPECT_EQ(FloatText(std::numeric_limits<float>::infinity()), "\"Infinity\"");
}

template <typename Number>
void ExpectShortest(Number value, const std::string& text) {
  Number back = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), back);
  ASSERT_TRUE(parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) << text;
  ASSERT_EQ(std::memcmp(&back, &value, sizeof value), 0) << text;
  char shortest[64];
  const auto size = std::to_chars(shortest, shortest + 64, value).ptr - shortest;
  ASSERT_LE(static_cast<ptrdiff_t>(text.size()), size)
      << text << " for " << std::string(shortest, static_cast<size_t>(size));
}

TEST(NumberText, DoublesReadBackTheSameAndAreAsShortAsCanBe) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200'000; ++i) {
    const auto any = std::bit_cast<double>(random());
    if (std::isfinite(any)) {
      ASSERT_NO_FATAL_FAILURE(ExpectShortest(any, DoubleText(any)));
    }
    const double decimal = static_cast<double>(static_cast<int64_t>(random() % 20'000'000'000) - 10'000'000'000) /
                           std::pow(10, static_cast<double>(random() % 9));
    ASSERT_NO_FATAL_FAILURE(ExpectShortest(decimal, DoubleText(decimal)));
    const double near = std::nextafter(decimal, random() % 2 == 0 ? 1e300 : -1e300);
    ASSERT_NO_FATAL_FAILURE(ExpectShortest(near, DoubleText(near)));
  }
}

TEST(NumberText, FloatsReadBackTheSameAndAreAsShortAsCanBe) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    const auto any = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(any)) {
      ASSERT_NO_FATAL_FAILURE(ExpectShortest(any, FloatText(any)));
    }
    const float decimal = static_cast<float>(static_cast<int32_t>(random() % 20'000'000) - 10'000'000) / 1000.0f;
    ASSERT_NO_FATAL_FAILURE(ExpectShortest(decimal, FloatText(decimal)));
  }
}

TEST(NumberParse, ReadsShortDoublesAsTheLibraryDoes) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200'000; ++i) {
    std::string text = std::to_string(static_cast<int64_t>(random() % 2'000'000'000) - 1'000'000'000);
    const size_t fraction = random() % 8;
    if (fraction > 0) text += "." + std::to_string(random()).substr(0, fraction);
    text += ",";
    double value;
    const char* const end = ParseShortDouble(text.c_str(), &value);
    if (end == nullptr) continue;
    ASSERT_EQ(*end, ',');
    ASSERT_EQ(value, std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(TimeText, AgreesWithTheLibraryOverAllYears) {
  std::mt19937_64 random(5);
  TimestampFormatter formatter;
  for (int i = 0; i < 100'000; ++i) {
    const int64_t seconds =
        kTimestampSecondsMin +
        static_cast<int64_t>(random() % static_cast<uint64_t>(kTimestampSecondsMax - kTimestampSecondsMin + 1));
    const auto nanos = static_cast<int32_t>(random() % 1'000'000'000);
    char text[kTimeTextSizeMax];
    const std::string written(text, formatter.Write(text, seconds, nanos));
    // %E4Y: four digits, also for the first centuries.
    ASSERT_EQ(written.substr(0, 19),
              absl::FormatTime("%E4Y-%m-%dT%H:%M:%S", absl::FromUnixSeconds(seconds), absl::UTCTimeZone()))
        << seconds;
    int64_t seconds_back;
    int32_t nanos_back;
    ASSERT_TRUE(ParseTimestamp(written, &seconds_back, &nanos_back)) << written;
    ASSERT_EQ(seconds_back, seconds);
    ASSERT_EQ(nanos_back, nanos);
  }
}

TEST(TimeText, WritesAsManyFractionalDigitsAsNeeded) {
  TimestampFormatter formatter;
  const auto text = [&formatter](int64_t seconds, int64_t nanos) {
    char out[kTimeTextSizeMax];
    char* const end = formatter.Write(out, seconds, nanos);
    return end == nullptr ? std::string("refused") : std::string(out, end);
  };
  EXPECT_EQ(text(0, 0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(text(-1, 999'999'999), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(text(0, 10'000'000), "1970-01-01T00:00:00.010Z");
  EXPECT_EQ(text(0, 10'000), "1970-01-01T00:00:00.000010Z");
  EXPECT_EQ(text(kTimestampSecondsMin, 0), "0001-01-01T00:00:00Z");
  EXPECT_EQ(text(kTimestampSecondsMax, 999'999'999), "9999-12-31T23:59:59.999999999Z");
  EXPECT_EQ(text(kTimestampSecondsMin - 1, 0), "refused");
  EXPECT_EQ(text(0, 1'000'000'000), "refused");
  int64_t seconds;
  int32_t nanos;
  EXPECT_TRUE(ParseTimestamp("2024-02-29T12:00:00.5+07:00", &seconds, &nanos));
  EXPECT_EQ(text(seconds, nanos), "2024-02-29T05:00:00.500Z");
}

TEST(Base64, AgreesWithTheLibrary) {
  std::mt19937_64 random(6);
  for (size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    std::string text(Base64Size(size), '\0');
    ASSERT_EQ(WriteBase64(text.data(), bytes), text.data() + text.size());
    ASSERT_EQ(text, absl::Base64Escape(bytes));
    for (const std::string& form : {text, absl::WebSafeBase64Escape(bytes)}) {
      std::string back(size + 8, '\0');
      const char* const end = ReadBase64(back.data(), form);
      ASSERT_NE(end, nullptr) << form;
      ASSERT_EQ(back.substr(0, static_cast<size_t>(end - back.data())), bytes);
    }
  }
}

TEST(Utf8, AcceptsExactlyTheCodePoints) {
  for (uint32_t code_point = 0; code_point <= 0x10ffff; ++code_point) {
    char text[4];
    const std::string_view sequence(text, static_cast<size_t>(WriteUtf8(text, code_point) - text));
    ASSERT_EQ(ValidUtf8(sequence), code_point < 0xd800 || code_point > 0xdfff) << code_point;
    if (sequence.size() > 1) {
      ASSERT_FALSE(ValidUtf8(sequence.substr(0, sequence.size() - 1)));
    }
  }
  for (const std::string_view bad :
       {"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80", "12345678\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_FALSE(ValidUtf8(bad));
  }
}

TEST(NameIndex, FindsWhatWasAddedAndNothingElse) {
  NameIndex index;
  EXPECT_EQ(index.Find("a"), NameIndex::kNone);
  std::vector<std::string> names = {"", "a", "ab", "abc", "abcd", "abcdefgh"};
  for (int i = 0; i < 1000; ++i) names.push_back("common_prefix_" + std::to_string(i) + "_common_suffix");
  for (size_t i = 0; i < names.size(); ++i) EXPECT_TRUE(index.Add(names[i], static_cast<uint32_t>(i)));
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(index.Find(names[i]), i);
    EXPECT_EQ(index.Find(names[i] + "x"), NameIndex::kNone);
  }
  EXPECT_FALSE(index.Add("abc", 7));
  EXPECT_EQ(index.Find("abc"), 3u);
}

TEST(Wire, VarintsComeBack) {
  for (int bits = 0; bits <= 64; ++bits) {
    for (const uint64_t value :
         {(bits == 64 ? 0 : uint64_t{1} << bits) - 1, bits == 64 ? UINT64_MAX : uint64_t{1} << bits}) {
      char bytes[kVarintSizeMax];
      const char* const end = WriteVarint(bytes, value);
      EXPECT_EQ(end - bytes, VarintSize(value));
      uint64_t back;
      EXPECT_EQ(ReadVarint(bytes, end, &back), end);
      EXPECT_EQ(back, value);
      EXPECT_EQ(ReadVarint(bytes, end - 1, &back), nullptr);
      EXPECT_EQ(ZigZag(UnZigZag(value)), value);
    }
  }
}

}  // namespace
}  // namespace stratus::gateway::transcode
