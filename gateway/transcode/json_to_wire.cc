#include "gateway/transcode/transcode.h"
#include "gateway/transcode/wire_writer.h"

namespace stratus::gateway::transcode {
namespace {

template <typename Run>
absl::Status Write(const InputOptions& options, Buffer* out, Run run) {
  const size_t start = out->size();
  WireWriter writer(options, out);
  if (run(writer)) return absl::OkStatus();
  out->Truncate(start);
  return writer.status();
}

}  // namespace

absl::Status JsonToWire(const MessageTable& message, std::string_view json, const InputOptions& options, Buffer* out) {
  return Write(options, out, [&](WireWriter& writer) { return writer.Run(message, json); });
}

absl::Status JsonToField(const MessageTable&, const FieldTable& field, std::string_view json,
                         const InputOptions& options, Buffer* out) {
  return Write(options, out, [&](WireWriter& writer) { return writer.RunField(field, json); });
}

absl::Status AppendBodyMask(const FieldTable& mask, const FieldTable& field, std::string_view json,
                            const InputOptions& options, Buffer* out) {
  return Write(options, out, [&](WireWriter& writer) { return writer.RunMask(mask, field, json); });
}

}  // namespace stratus::gateway::transcode
