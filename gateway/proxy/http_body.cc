#include "gateway/proxy/http_body.h"

#include <algorithm>

namespace stratus::gateway::proxy {
namespace {

constexpr uint32_t kContentType = 1;
constexpr uint32_t kData = 2;
constexpr uint32_t kLengthDelimited = 2;

bool ReadVarint(std::string_view* in, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !in->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool Skip(std::string_view* in, uint64_t bytes) {
  if (bytes > in->size()) return false;
  in->remove_prefix(bytes);
  return true;
}

// Calls `on_field(number, bytes)` for each length-delimited field, in order; skips the others.
template <typename OnField>
bool ForEachField(std::string_view in, OnField on_field) {
  while (!in.empty()) {
    uint64_t tag = 0;
    uint64_t value = 0;
    if (!ReadVarint(&in, &tag)) return false;
    switch (tag & 7) {
      case 0:
        if (!ReadVarint(&in, &value)) return false;
        break;
      case 1:
        if (!Skip(&in, 8)) return false;
        break;
      case 2: {
        if (!ReadVarint(&in, &value) || value > in.size()) return false;
        if (!on_field(tag >> 3, in.substr(0, value))) return false;
        in.remove_prefix(value);
        break;
      }
      case 5:
        if (!Skip(&in, 4)) return false;
        break;
      default: return false;
    }
  }
  return true;
}

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

void AppendVarint(uint64_t value, Buffer* out) {
  for (; value >= 0x80; value >>= 7) out->Append(static_cast<char>(value | 0x80));
  out->Append(static_cast<char>(value));
}

void AppendHeader(uint32_t number, size_t length, Buffer* out) {
  AppendVarint(static_cast<uint64_t>(number) << 3 | kLengthDelimited, out);
  AppendVarint(length, out);
}

size_t FieldBytes(uint32_t number, size_t length) {
  return VarintBytes(static_cast<uint64_t>(number) << 3) + VarintBytes(length) + length;
}

}  // namespace

bool ParseHttpBody(std::string_view wire, uint32_t field_number, HttpBodyView* out) {
  if (field_number > 0) {
    // Several occurrences merge, and the last one of each of HttpBody's fields wins.
    return ForEachField(wire, [&](uint64_t number, std::string_view bytes) {
      return number != field_number || ParseHttpBody(bytes, 0, out);
    });
  }
  return ForEachField(wire, [out](uint64_t number, std::string_view bytes) {
    if (number == kContentType) out->content_type = bytes;
    if (number == kData) out->data = bytes;
    return true;
  });
}

void AppendHttpBody(const HttpBodyView& body, uint32_t field_number, Buffer* out) {
  const size_t type_bytes = body.content_type.empty() ? 0 : FieldBytes(kContentType, body.content_type.size());
  const size_t data_bytes = body.data.empty() ? 0 : FieldBytes(kData, body.data.size());
  if (field_number > 0) AppendHeader(field_number, type_bytes + data_bytes, out);
  if (type_bytes > 0) {
    AppendHeader(kContentType, body.content_type.size(), out);
    out->Append(body.content_type);
  }
  if (data_bytes > 0) {
    AppendHeader(kData, body.data.size(), out);
    out->Append(body.data);
  }
}

bool IsHeaderSafe(std::string_view value) {
  return !value.empty() && value.size() <= 256 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool IsHeaderName(std::string_view name) {
  constexpr std::string_view kTokenSigns = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= 256 && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || kTokenSigns.find(c) != std::string_view::npos;
  });
}

}  // namespace stratus::gateway::proxy
