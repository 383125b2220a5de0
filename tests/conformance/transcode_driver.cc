// Translates what it reads on stdin, for json_differential.py: one case after the other until the input ends.
//
//   transcode_driver DESCRIPTOR_SET
//   case:   direction (`w` wire to JSON, `j` JSON to wire), options (a byte of bits), type and payload, each behind its
//           length in four bytes, little endian
//   answer: `+` or `-`, and behind its length the result or the error's message
// Options: 1 print fields without presence, 2 proto names, 4 enums as integers, 8 ignore unknown fields.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "gateway/transcode/test_schema.h"

namespace {

namespace transcode = stratus::gateway::transcode;

constexpr uint32_t kSizeMax = 64 << 20;

bool ReadBlock(std::string* block) {
  uint32_t size;
  if (std::fread(&size, sizeof size, 1, stdin) != 1 || size > kSizeMax) return false;
  block->resize(size);
  return size == 0 || std::fread(block->data(), size, 1, stdin) == 1;
}

void WriteAnswer(bool ok, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  std::fputc(ok ? '+' : '-', stdout);
  std::fwrite(&size, sizeof size, 1, stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Translate(const transcode::MessageTable& table, char direction, int bits, std::string_view payload) {
  const transcode::OutputOptions output{.always_print_fields_with_no_presence = (bits & 1) != 0,
                                        .preserve_proto_field_names = (bits & 2) != 0,
                                        .enums_as_integers = (bits & 4) != 0};
  const transcode::InputOptions input{.ignore_unknown_fields = (bits & 8) != 0};
  stratus::gateway::Buffer out;
  const absl::Status status = direction == 'w' ? transcode::WireToJson(table, payload, output, &out)
                                               : transcode::JsonToWire(table, payload, input, &out);
  const std::string message(status.message());
  WriteAnswer(status.ok(), status.ok() ? out.view() : std::string_view(message));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: transcode_driver DESCRIPTOR_SET\n";
    return 2;
  }
  const auto loaded = transcode::TestSchema::Load(argv[1]);
  if (!loaded.ok()) {
    std::cerr << loaded.status() << "\n";
    return 1;
  }
  std::string type;
  std::string payload;
  for (;;) {
    const int direction = std::fgetc(stdin);
    const int bits = std::fgetc(stdin);
    if (direction == EOF || bits == EOF || !ReadBlock(&type) || !ReadBlock(&payload)) return 0;
    const transcode::MessageTable* const table = (*loaded)->schema().Find(type);
    if (table == nullptr) {
      WriteAnswer(false, "no such type");
    } else {
      Translate(*table, static_cast<char>(direction), bits, payload);
    }
  }
}
