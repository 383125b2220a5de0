#include "gateway/proxy/reflection_message.h"

#include <cstdint>
#include <functional>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"

namespace stratus::gateway::proxy {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

// Field numbers of ServerReflectionResponse and of what it holds.
constexpr int kFileDescriptorResponse = 4;
constexpr int kListServicesResponse = 6;
constexpr int kErrorResponse = 7;
constexpr int kFirst = 1;  // file_descriptor_proto, service, name, error_code
constexpr int kErrorMessage = 2;

// Calls `on_bytes` for each length-delimited field and `on_number` for each varint.
bool ForEachField(std::string_view wire, const std::function<bool(int, std::string)>& on_bytes,
                  const std::function<void(int, uint64_t)>& on_number = nullptr) {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(wire.data()), static_cast<int>(wire.size()));
  while (const uint32_t tag = in.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    const auto type = WireFormatLite::GetTagWireType(tag);
    if (type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      uint32_t size = 0;
      std::string bytes;
      if (!in.ReadVarint32(&size) || !in.ReadString(&bytes, static_cast<int>(size))) return false;
      if (!on_bytes(number, std::move(bytes))) return false;
    } else if (type == WireFormatLite::WIRETYPE_VARINT) {
      uint64_t value = 0;
      if (!in.ReadVarint64(&value)) return false;
      if (on_number) on_number(number, value);
    } else if (!WireFormatLite::SkipField(&in, tag)) {
      return false;
    }
  }
  return in.ConsumedEntireMessage();
}

bool ParseServices(std::string_view wire, std::vector<std::string>* names) {
  return ForEachField(wire, [names](int number, const std::string& service) {
    if (number != kFirst) return true;
    return ForEachField(service, [names](int field, std::string name) {
      if (field == kFirst) names->push_back(std::move(name));
      return true;
    });
  });
}

bool ParseError(std::string_view wire, absl::Status* error) {
  auto code = static_cast<int>(absl::StatusCode::kUnknown);
  std::string message = "the server's reflection answered with an error";
  const bool parsed = ForEachField(
      wire,
      [&message](int number, std::string text) {
        if (number == kErrorMessage) message = std::move(text);
        return true;
      },
      [&code](int number, uint64_t value) {
        if (number == kFirst && value > 0 && value <= 16) code = static_cast<int>(value);
      });
  *error = absl::Status(static_cast<absl::StatusCode>(code), message);
  return parsed;
}

}  // namespace

std::string ReflectionRequest(ReflectionQuestion question, std::string_view text) {
  std::string wire;
  google::protobuf::io::StringOutputStream stream(&wire);
  CodedOutputStream out(&stream);
  out.WriteTag(WireFormatLite::MakeTag(static_cast<int>(question), WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  out.WriteVarint32(static_cast<uint32_t>(text.size()));
  out.WriteString(std::string(text));
  out.Trim();
  return wire;
}

bool ParseReflectionResponse(std::string_view wire, ReflectionResponse* out) {
  return ForEachField(wire, [out](int number, const std::string& bytes) {
    switch (number) {
      case kFileDescriptorResponse:
        return ForEachField(bytes, [out](int field, std::string file) {
          if (field == kFirst) out->files.push_back(std::move(file));
          return true;
        });
      case kListServicesResponse: return ParseServices(bytes, &out->services);
      case kErrorResponse: return ParseError(bytes, &out->error);
      default: return true;
    }
  });
}

}  // namespace stratus::gateway::proxy
