// ProtoJSON to Protobuf wire format and back, by tables compiled from descriptors. No message object is ever built.
//
//   auto schema = Schema::Compile(pool, files);  // once a descriptor set, shared by all threads
//   const MessageTable* table = (*schema)->Find("stratus.weather.v1.TodayWeather");
//   absl::Status status = WireToJson(*table, wire, options, &buffer);  // appends to the buffer
//
// Rules that decide doubts: the ProtoJSON specification, then google/api/http.proto. Where they are silent:
// - JSON members stand in the order of field numbers, absent ones that are printed among them; a field that came out of
//   that order on the wire stands where it came.
// - The wire format written has its fields in the order of the JSON; zeros without presence are left out, except in
//   parameters, which must overrule a body.
// - A google.protobuf.Value without a kind is null; NullValue is null also where enums are numbers.
// - An Any of a type that the schema does not hold is {"@type", "value": base64}, both ways.
// - A closed enum's unknown number is an unknown field, and left out.
// - Depth counts objects and the arrays of ListValue, the same both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gateway/transcode/buffer.h"
#include "google/protobuf/descriptor.h"

namespace stratus::gateway::transcode {

struct MessageTable;  // one message type, compiled; opaque to callers
struct FieldTable;    // one field of it

// Every message type reachable from a pool's files. Immutable; must outlive its tables. Also resolves `Any` by type
// name.
class Schema {
 public:
  // `files` are the names of the files to start from; everything they reach is compiled. The pool must outlive the
  // schema.
  static absl::StatusOr<std::shared_ptr<const Schema>> Compile(const google::protobuf::DescriptorPool& pool,
                                                               absl::Span<const std::string> files);
  ~Schema();

  // By full name, or null.
  const MessageTable* Find(std::string_view full_name) const;

  struct Impl;

 private:
  explicit Schema(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct OutputOptions {
  bool always_print_fields_with_no_presence = true;
  bool preserve_proto_field_names = false;
  bool enums_as_integers = false;
  int depth_max = 100;
  // Of JSON, checked with each message in it: short messages whose fields are all shown can become a hundred times
  // longer.
  size_t bytes_max = SIZE_MAX;
};

struct InputOptions {
  bool ignore_unknown_fields = false;
  int depth_max = 100;
};

// Appends the ProtoJSON of one wire-format message. On an error (malformed wire, invalid UTF-8 in a string, a value
// that JSON cannot carry, depth) INTERNAL is returned, with the field's path, and what was appended must be thrown
// away.
absl::Status WireToJson(const MessageTable& message, std::string_view wire, const OutputOptions& options, Buffer* out);

// The same for one field of a message (`response_body`): `{}`-less, the bare value; `null` for an absent message.
absl::Status FieldToJson(const MessageTable& message, const FieldTable& field, std::string_view wire,
                         const OutputOptions& options, Buffer* out);

// Appends the wire format of a JSON object. Errors are INVALID_ARGUMENT with a BadRequest violation whose field is the
// JSON path (`location.latitude`, `hours[3].time`); the message also gives line and column for malformed JSON.
absl::Status JsonToWire(const MessageTable& message, std::string_view json, const InputOptions& options, Buffer* out);

// The same for `body: "field"`: `json` is the field's bare value, and what is appended is the field with its tag.
absl::Status JsonToField(const MessageTable& message, const FieldTable& field, std::string_view json,
                         const InputOptions& options, Buffer* out);

// What a PATCH with that body means where the caller gives no mask (AIP-134): appends `mask`, a
// google.protobuf.FieldMask, with the paths of all that `json` sets in `field`, a message. Paths have proto names, and
// end at lists, maps, empty objects and types with a JSON of their own. JsonToField must have accepted `json`.
// INVALID_ARGUMENT for more than 1 MiB of paths.
absl::Status AppendBodyMask(const FieldTable& mask, const FieldTable& field, std::string_view json,
                            const InputOptions& options, Buffer* out);

// A dotted path of fields (`location.latitude`), as path templates and query parameters name them; proto names or JSON
// names. Every part but the last is a singular message.
struct FieldPath {
  std::vector<const FieldTable*> fields;
};
absl::StatusOr<FieldPath> ResolvePath(const MessageTable& message, std::string_view dotted);

// Collects path variables and query parameters and appends them as wire format: appended behind a body's wire format it
// merges with it, as Protobuf defines. A parser has one of these a call, reused.
class ParameterWriter {
 public:
  explicit ParameterWriter(const MessageTable& message);
  ~ParameterWriter();

  // A path variable's value, percent-decoded already. Errors as in JsonToWire, with the dotted path as the field.
  absl::Status AddPathValue(const FieldPath& path, std::string_view value);

  // A whole query string, still encoded (`a=1&b.c=x&labels[k]=v`). `+` is a space. `consumed` paths (bound by the path
  // template or the body) are refused. Unknown parameters and a singular field given twice are refused, each by name.
  absl::Status AddQuery(std::string_view query, absl::Span<const FieldPath> consumed, const InputOptions& options);

  // Whether a parameter is that field of the message, or lies within it.
  bool Given(const FieldTable& field) const;

  // Appends everything collected, as wire format, and starts anew.
  absl::Status Flush(Buffer* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::gateway::transcode
