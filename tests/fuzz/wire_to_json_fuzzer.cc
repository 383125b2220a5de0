// Any bytes as wire format: the answer is an error or a JSON text that is well-formed, and that says the same when it
// is read and written again.
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

// As a google.protobuf.Value, which every JSON text without repeated names is.
bool IsJson(std::string_view json) {
  Buffer wire;
  return JsonToWire(GetTestSchema().Table("google.protobuf.Value"), json, {.depth_max = 1000}, &wire).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  const MessageTable& table = GetTestSchema().Table(kTypes[choice % kTypes.size()]);
  OutputOptions options;
  options.always_print_fields_with_no_presence = (choice & 16) != 0;
  options.preserve_proto_field_names = (choice & 32) != 0;
  options.enums_as_integers = (choice & 64) != 0;
  // A copy of its own, so that a read past the end is seen.
  const std::unique_ptr<char[]> wire(new char[size - 1]);
  if (size > 1) std::memcpy(wire.get(), data + 1, size - 1);
  Buffer json;
  if (!WireToJson(table, {wire.get(), size - 1}, options, &json).ok()) return 0;
  if (!IsJson(json.view())) std::abort();

  // Masks with empty paths and type URLs without a slash are printed but not read.
  Buffer again;
  if (!JsonToWire(table, json.view(), {}, &again).ok()) return 0;
  Buffer json_again;
  if (!WireToJson(table, again.view(), options, &json_again).ok()) std::abort();
  Buffer once_more;
  if (!JsonToWire(table, json_again.view(), {}, &once_more).ok() || once_more.view() != again.view()) std::abort();
  return 0;
}
