// Errors with google.rpc details. Inside the programs an error is an absl::Status whose details travel as payloads
// keyed by type URL; at the edge it becomes a google.rpc.Status (grpc-status-details-bin, or a JSON body).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace stratus::core {

// Debian's absl::string_view is not std::string_view and does not convert by itself.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

// A status of any code from a std::string_view message.
inline absl::Status Error(absl::StatusCode code, std::string_view message) { return {code, ToAbsl(message)}; }

// Adds `detail` (a google.rpc type) to a non-OK status. A second detail of the same type replaces the first.
absl::Status WithDetail(absl::Status status, const google::protobuf::Message& detail);

// Reads the detail of the given type; false when the status carries none or it does not parse.
bool GetDetail(const absl::Status& status, google::protobuf::Message* detail);

// Adds google.rpc.RetryInfo: the caller may try again after `delay`.
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);

// INVALID_ARGUMENT with one google.rpc.BadRequest field violation. `field` is the path as the caller wrote it
// (`location.latitude`); `description` says what is wrong and what would be right. The message names both.
absl::Status InvalidField(std::string_view field, std::string_view description);

// Collects every field violation of a request, so that a caller hears of all of them at once.
class FieldViolations {
 public:
  void Add(std::string_view field, std::string_view description);
  bool empty() const { return details_.field_violations().empty(); }

  // OK when empty; else INVALID_ARGUMENT as by InvalidField, the message listing all of them.
  absl::Status ToStatus() const;

 private:
  google::rpc::BadRequest details_;
};

// To and from the wire form. Details that are not understood are kept as they are.
google::rpc::Status ToProto(const absl::Status& status);
absl::Status FromProto(const google::rpc::Status& status);

// The HTTP status that google/rpc/code.proto gives a code; 200 for OK, 500 for an unknown one.
int HttpStatusOf(absl::StatusCode code);

// The code's name as google/rpc/code.proto spells it: `INVALID_ARGUMENT`.
std::string_view CodeName(absl::StatusCode code);

}  // namespace stratus::core
