// The byte and text formats that calls stand on: gRPC frames, HttpBody, media types.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/proxy/grpc_frame.h"
#include "gateway/proxy/http_body.h"
#include "gateway/proxy/media_type.h"
#include "google/api/httpbody.pb.h"

namespace stratus::gateway::proxy {
namespace {

std::string Frame(std::string_view message) {
  std::string out(kPrefixBytes, '\0');
  WritePrefix(message.size(), out.data());
  return out.append(message);
}

TEST(MessageReader, FindsTheSameMessagesHoweverTheBytesAreCut) {
  const std::string bytes = Frame("one") + Frame("") + Frame(std::string(300, 'x')) + Frame("four");
  for (size_t cut = 1; cut <= bytes.size(); ++cut) {
    MessageReader reader;
    std::vector<std::string> messages;
    for (size_t at = 0; at < bytes.size(); at += cut) {
      std::string_view piece = std::string_view(bytes).substr(at, cut);
      while (!piece.empty()) {
        std::string_view message;
        if (reader.Next(&piece, &message) == MessageReader::Result::kMessage) messages.emplace_back(message);
      }
    }
    ASSERT_EQ(messages, (std::vector<std::string>{"one", "", std::string(300, 'x'), "four"})) << "cut at " << cut;
    EXPECT_FALSE(reader.partial());
  }
}

TEST(MessageReader, RefusesLongAndCompressedMessages) {
  MessageReader reader(10);
  const std::string big = Frame(std::string(11, 'x'));
  std::string_view piece = big;
  std::string_view message;
  EXPECT_EQ(reader.Next(&piece, &message), MessageReader::Result::kTooLong);
  std::string compressed = Frame("x");
  compressed[0] = 1;
  piece = compressed;
  reader.Reset(10);
  EXPECT_EQ(reader.Next(&piece, &message), MessageReader::Result::kCompressed);
}

TEST(MessageReader, DoesNotHoldWhatALargeMessageTook) {
  std::atomic<uint64_t> kept{0};
  LargeBlocks blocks(&kept, [] {});
  const std::string frame = Frame(std::string(1 << 20, 'x'));
  MessageReader reader;
  std::string_view message;
  for (std::string_view piece : {std::string_view(frame).substr(0, 1000), std::string_view(frame).substr(1000)}) {
    while (!piece.empty()) reader.Next(&piece, &message);
  }
  EXPECT_EQ(message.size(), size_t{1} << 20);
  EXPECT_LT(kept, size_t{1} << 20);
  reader.Release();
  EXPECT_GE(kept, size_t{1} << 20);
}

TEST(MessageReader, KnowsThatAMessageIsIncomplete) {
  MessageReader reader;
  const std::string bytes = Frame("hello");
  std::string_view piece = std::string_view(bytes).substr(0, 7);
  std::string_view message;
  EXPECT_EQ(reader.Next(&piece, &message), MessageReader::Result::kNeedMore);
  EXPECT_TRUE(reader.partial());
}

TEST(HttpBody, IsReadAsProtobufWroteIt) {
  google::api::HttpBody body;
  body.set_content_type("text/plain");
  body.set_data(std::string("\0\xff", 2));
  body.add_extensions()->set_type_url("x");
  HttpBodyView view;
  const std::string wire = body.SerializeAsString();
  ASSERT_TRUE(ParseHttpBody(wire, 0, &view));
  EXPECT_EQ(view.content_type, "text/plain");
  EXPECT_EQ(view.data, std::string("\0\xff", 2));
}

TEST(HttpBody, IsWrittenAsProtobufReadsIt) {
  Buffer out;
  const std::string data(1000, 'x');
  AppendHttpBody({"image/png", data}, 0, &out);
  google::api::HttpBody body;
  ASSERT_TRUE(body.ParseFromArray(out.data(), static_cast<int>(out.size())));
  EXPECT_EQ(body.content_type(), "image/png");
  EXPECT_EQ(body.data(), data);
}

TEST(HttpBody, CanBeAFieldOfAMessage) {
  Buffer out;
  AppendHttpBody({"a/b", "1"}, 300, &out);
  AppendHttpBody({"", "2"}, 300, &out);
  HttpBodyView view;
  ASSERT_TRUE(ParseHttpBody(out.view(), 300, &view));
  EXPECT_EQ(view.content_type, "a/b") << "occurrences merge";
  EXPECT_EQ(view.data, "2");
}

TEST(HttpBody, RefusesMalformedWire) {
  HttpBodyView view;
  for (const std::string& wire : {std::string("\x0a\x05x", 3), std::string("\x0a"), std::string("\x0f"),
                                  std::string(11, '\xff'), std::string("\x09\x01", 2)}) {
    EXPECT_FALSE(ParseHttpBody(wire, 0, &view));
  }
}

TEST(MediaType, KnowsJson) {
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"}) {
    EXPECT_TRUE(IsJson(type)) << type;
  }
  for (const char* type : {"", "text/json", "application/jsonx", "application/x-www-form-urlencoded", "+json"}) {
    EXPECT_FALSE(IsJson(type)) << type;
  }
}

TEST(MediaType, ChoosesTheStreamFormThatAcceptPrefers) {
  using enum StreamFormat;
  const std::pair<const char*, StreamFormat> cases[] = {
      {"", kArray},
      {"*/*", kArray},
      {"text/html, */*;q=0.8", kArray},
      {"application/x-ndjson", kNdjson},
      {"application/json;q=0.1, application/x-ndjson;q=0.2", kNdjson},
      {"application/json, application/x-ndjson;q=0.9", kArray},
      {"text/event-stream", kServerSent},
      {"TEXT/EVENT-STREAM ; q=1.0, */*", kServerSent},
      {"*/*, application/x-ndjson", kNdjson},
      {"application/x-ndjson;q=0, application/json", kArray},
      {"application/x-ndjson;q=abc", kArray},
  };
  for (const auto& [accept, format] : cases) EXPECT_EQ(ChooseStreamFormat(accept), format) << accept;
}

}  // namespace
}  // namespace stratus::gateway::proxy
