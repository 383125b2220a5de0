#include "gateway/transcode/json_writer.h"
#include "gateway/transcode/transcode.h"

namespace stratus::gateway::transcode {
namespace {

template <typename Run>
absl::Status Write(const OutputOptions& options, Buffer* out, Run run) {
  const size_t start = out->size();
  JsonWriter writer(options, out, /*careful=*/false);
  if (run(writer)) return absl::OkStatus();
  out->Truncate(start);
  if (!writer.wants_careful()) return writer.status();
  JsonWriter careful(options, out, /*careful=*/true);
  if (run(careful)) return absl::OkStatus();
  out->Truncate(start);
  return careful.status();
}

}  // namespace

absl::Status WireToJson(const MessageTable& message, std::string_view wire, const OutputOptions& options, Buffer* out) {
  return Write(options, out, [&](JsonWriter& writer) { return writer.Run(message, wire); });
}

absl::Status FieldToJson(const MessageTable& message, const FieldTable& field, std::string_view wire,
                         const OutputOptions& options, Buffer* out) {
  return Write(options, out, [&](JsonWriter& writer) { return writer.RunField(message, field, wire); });
}

}  // namespace stratus::gateway::transcode
