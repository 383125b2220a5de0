// YAML configuration checked against a Protobuf message: the keys are the message's field names.
//
//   config::v1::Gateway gateway;
//   absl::Status status = core::LoadConfig("gateway.yaml", {.bounds = kBounds}, &gateway);
//   -> INVALID_ARGUMENT "gateway.yaml:7:22: upstreams[0].connect_timeout: 90s is out of range: 10ms to 1m"
//
// Refused: an unknown or duplicate key, a value of another type (a quoted number is a string), an unknown enum name, a
// number or duration that does not parse or is out of range, two fields of a oneof, a key without a value. Messages are
// mappings, repeated fields sequences, map fields mappings, durations `250ms`, `5s`, `1h30m`, booleans `true` or
// `false`.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace stratus::core {

// The range of a number or duration field (in seconds), ends included. It binds only where the file has the field.
struct ConfigBound {
  std::string_view path = {};  // field names from the root, without indexes: `upstreams.connect_timeout`
  double min = 0;
  double max = std::numeric_limits<double>::infinity();
};

struct ConfigOptions {
  std::vector<ConfigBound> bounds = {};
  size_t file_bytes_max = 1 << 20;
  int depth_max = 32;         // nesting of mappings and sequences
  size_t values_max = 20000;  // all values together, each alias counted anew
};

// Fills `message`. NOT_FOUND: no such file; INVALID_ARGUMENT: refused, with `file:line:column: path: reason`. On an
// error the message is left as it was.
absl::Status LoadConfig(const std::string& path, const ConfigOptions& options, google::protobuf::Message* message);

// The same from memory; `name` stands for the file in errors.
absl::Status ParseConfig(const std::string& yaml, std::string_view name, const ConfigOptions& options,
                         google::protobuf::Message* message);

}  // namespace stratus::core
