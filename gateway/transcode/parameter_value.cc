#include "gateway/transcode/parameter_value.h"

#include <algorithm>
#include <string>

#include "gateway/transcode/base64.h"
#include "gateway/transcode/utf8.h"

namespace stratus::gateway::transcode {
namespace {

constexpr size_t kRoom = 32;

void AppendDelimited(const FieldTable& field, std::string_view content, Buffer* out) {
  char* at = WriteVarint(out->Reserve(content.size() + kRoom), field.number << 3 | kLength);
  at = WriteVarint(at, content.size());
  if (!content.empty()) std::memcpy(at, content.data(), content.size());
  out->SetEnd(at + content.size());
}

Reason AppendText(const FieldTable& field, std::string_view text, Buffer* out) {
  if (!ValidUtf8(text)) return "not UTF-8";
  AppendDelimited(field, text, out);
  return nullptr;
}

Reason AppendBytes(const FieldTable& field, std::string_view text, Buffer* out) {
  // A `+` that was not percent-encoded arrived as a space, and base64 has no spaces of its own.
  std::string base64(text);
  std::replace(base64.begin(), base64.end(), ' ', '+');
  std::string bytes(base64.size() + kRoom, '\0');
  const char* const end = ReadBase64(bytes.data(), base64);
  if (end == nullptr) return "not base64";
  AppendDelimited(field, {bytes.data(), static_cast<size_t>(end - bytes.data())}, out);
  return nullptr;
}

Reason AppendMessage(const FieldTable& field, std::string_view text, Buffer* out) {
  switch (field.message->well_known) {
    case WellKnown::kWrapper: {
      Buffer content;
      const Reason reason = AppendParameter(field.message->fields[0], text, &content);
      if (reason == nullptr) AppendDelimited(field, content.view(), out);
      return reason;
    }
    case WellKnown::kTimestamp:
    case WellKnown::kDuration: {
      char content[kTimeWireSizeMax];
      char* end = content;
      const Reason reason = TextToTime(field.message->well_known, text, &end);
      if (reason == nullptr) AppendDelimited(field, {content, static_cast<size_t>(end - content)}, out);
      return reason;
    }
    case WellKnown::kFieldMask: {
      std::string content(FieldMaskWireSizeMax(text), '\0');
      char* end = content.data();
      const Reason reason = TextToFieldMask(text, /*snake_case_too=*/true, &end);
      if (reason == nullptr) AppendDelimited(field, {content.data(), static_cast<size_t>(end - content.data())}, out);
      return reason;
    }
    default:
      return field.shape == Shape::kRepeated ? "a repeated message cannot be a parameter: it belongs into a body"
                                             : "a message cannot be one parameter: name its fields";
  }
}

}  // namespace

Reason AppendParameter(const FieldTable& field, std::string_view text, Buffer* out) {
  if (field.shape == Shape::kMap) return "a map is given an entry at a time, as name[key]=value";
  if (field.kind == Kind::kString) return AppendText(field, text, out);
  if (field.kind == Kind::kBytes) return AppendBytes(field, text, out);
  if (field.kind == Kind::kMessage) return AppendMessage(field, text, out);
  if (field.kind == Kind::kGroup) return "a group cannot be a parameter";
  uint64_t bits = 0;
  const bool null = field.kind == Kind::kEnum && field.enumeration->null_value && text == "null";
  if (const Reason reason = null ? nullptr : TextToBits(field, text, &bits); reason != nullptr) return reason;
  char* const at = WriteVarint(out->Reserve(kRoom), field.tag());
  out->SetEnd(WriteBits(field.wire_type, bits, at));
  return nullptr;
}

Reason AppendMapParameter(const FieldTable& field, std::string_view key, std::string_view text, Buffer* out) {
  if (field.shape != Shape::kMap) return "not a map: it has no keys";
  Buffer entry;
  Reason reason = AppendParameter(field.message->map_key(), key, &entry);
  if (reason == nullptr) reason = AppendParameter(field.message->map_value(), text, &entry);
  if (reason == nullptr) AppendDelimited(field, entry.view(), out);
  return reason;
}

}  // namespace stratus::gateway::transcode
