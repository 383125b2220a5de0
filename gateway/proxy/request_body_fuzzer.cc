// What a client sends in pieces: the first byte chooses who reads it, the second how it is cut. Cut or whole, the same
// comes out of it, and no more than the limits allow.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/filter/content_coding.h"
#include "gateway/proxy/connect.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/proxy/grpc_web.h"
#include "gateway/proxy/json_stream_reader.h"

namespace {

using stratus::gateway::Buffer;
using stratus::gateway::filter::ContentCoding;
using stratus::gateway::filter::MakeBodyReader;
using stratus::gateway::proxy::Base64Reader;
using stratus::gateway::proxy::JsonStreamReader;
using stratus::gateway::proxy::MessageReader;

constexpr size_t kValueMax = 1000;
constexpr size_t kDecodedMax = 1 << 20;

void Require(bool holds) {
  if (!holds) std::abort();
}

// Values one behind another, and how it ended.
std::string ReadValues(JsonStreamReader::Form form, std::string_view body, size_t cut) {
  using Result = JsonStreamReader::Result;
  JsonStreamReader reader;
  reader.Reset(form, kValueMax);
  std::string out;
  std::string_view value;
  for (size_t at = 0; at < body.size(); at += cut) {
    const std::vector<char> copy(body.begin() + static_cast<ptrdiff_t>(at),
                                 body.begin() + static_cast<ptrdiff_t>(std::min(at + cut, body.size())));
    std::string_view piece(copy.data(), copy.size());
    Result result;
    while ((result = reader.Next(&piece, &value)) == Result::kValue) {
      Require(!value.empty() && value.size() <= kValueMax);
      out.append(value).push_back('\n');
    }
    if (result != Result::kNeedMore) return out + "refused";
    Require(piece.empty());
  }
  const Result end = reader.End(&value);
  if (end == Result::kValue) return out.append(value) + "\nend";
  return out + (end == Result::kNeedMore ? "end" : "refused");
}

std::string ReadCoded(ContentCoding coding, std::string_view body, size_t cut) {
  const auto reader = MakeBodyReader(coding);
  Buffer out;
  for (size_t at = 0; at < body.size(); at += cut) {
    std::string_view piece = body.substr(at, cut);
    while (!piece.empty() || reader->has_more()) {
      if (out.size() == kDecodedMax) return "too much";
      const size_t before = out.size();
      const size_t room = std::min(kDecodedMax - before, cut * 3);
      if (!reader->Read(&piece, room, &out)) return "refused";
      Require(out.size() - before <= room);
    }
  }
  return std::string(out.view()) + (reader->complete() ? "end" : "cut");
}

std::string ReadBase64(std::string_view body, size_t cut) {
  Base64Reader reader;
  Buffer out;
  for (size_t at = 0; at < body.size(); at += cut) {
    if (!reader.Read(body.substr(at, cut), &out)) return "refused";
  }
  return std::string(out.view()) + (reader.complete() ? "end" : "cut");
}

std::string ReadFrames(std::string_view body, size_t cut) {
  using Result = MessageReader::Result;
  MessageReader reader;
  reader.Reset(kValueMax, true);
  std::string out;
  for (size_t at = 0; at < body.size(); at += cut) {
    std::string_view piece = body.substr(at, cut);
    while (!piece.empty()) {
      std::string_view message;
      const Result result = reader.Next(&piece, &message);
      if (result == Result::kCompressed || result == Result::kTooLong) return out + "refused";
      if (result == Result::kNeedMore) continue;
      Require(message.size() <= kValueMax);
      out.append(message).push_back(reader.compressed() ? 'z' : '\n');
    }
  }
  return out + (reader.partial() ? "cut" : "end");
}

// The query of a Connect call by GET comes whole.
std::string ReadQuery(std::string_view query) {
  const auto get = stratus::gateway::proxy::ParseConnectGet(query);
  if (!get.ok()) return "refused";
  Require(get->message.size() <= query.size());
  return get->message;
}

bool Failed(const std::string& read) { return read.ends_with("refused") || read == "too much"; }

std::string Read(uint8_t what, std::string_view body, size_t cut) {
  switch (what % 8) {
    case 0: return ReadValues(JsonStreamReader::Form::kValues, body, cut);
    case 1: return ReadValues(JsonStreamReader::Form::kLines, body, cut);
    case 2: return ReadCoded(ContentCoding::kGzip, body, cut);
    case 3: return ReadBase64(body, cut);
    case 4: return ReadFrames(body, cut);
    case 5: return ReadCoded(ContentCoding::kZstd, body, cut);
    case 6: return ReadCoded(ContentCoding::kBrotli, body, cut);
    default: return ReadQuery(body);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string whole = Read(data[0], body, body.size());
  const std::string cut = Read(data[0], body, size_t{1} + data[1]);
  // A value that is too long is refused where it ends or where the piece does, and a whole frame of zstd before any of
  // it is given.
  Require(whole == cut || (Failed(whole) && Failed(cut)));
  return 0;
}
