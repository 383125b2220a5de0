// Any bytes as JSON: the answer is an error or wire format that Protobuf itself parses, and that comes back the same
// through JSON.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "gateway/transcode/test_schema.h"

namespace {

using stratus::gateway::Buffer;
using namespace stratus::gateway::transcode;  // NOLINT: a fuzzer of this namespace alone

constexpr std::array<const char*, 4> kTypes = {"transcode.test.Everything", "transcode.legacy.Legacy",
                                               "transcode.test.WellKnown", "transcode.test.Wide"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  const char* const type = kTypes[choice % kTypes.size()];
  const MessageTable& table = GetTestSchema().Table(type);
  const InputOptions options{.ignore_unknown_fields = (choice & 16) != 0};
  // A copy of its own, so that a read past the end is seen.
  const std::unique_ptr<char[]> json(new char[size - 1]);
  if (size > 1) std::memcpy(json.get(), data + 1, size - 1);
  Buffer wire;
  if (!JsonToWire(table, {json.get(), size - 1}, options, &wire).ok()) return 0;
  const auto message = GetTestSchema().NewMessage(type);
  if (wire.size() < 10'000 && !message->ParsePartialFromArray(wire.data(), static_cast<int>(wire.size()))) std::abort();

  OutputOptions output;
  output.always_print_fields_with_no_presence = (choice & 32) != 0;
  Buffer json_again;
  // An Any of an unknown type may hold what is no wire format of a type known by another path: that may fail.
  if (!WireToJson(table, wire.view(), output, &json_again).ok()) return 0;
  Buffer wire_again;
  if (!JsonToWire(table, json_again.view(), {}, &wire_again).ok()) std::abort();
  Buffer json_once_more;
  if (!WireToJson(table, wire_again.view(), output, &json_once_more).ok()) std::abort();
  if (json_once_more.view() != json_again.view()) std::abort();
  return 0;
}
