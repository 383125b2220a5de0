// The members of a JSON body that is sent to /admin. For .cc files alone, as json.h is.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/http_server/http_server.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox {

// {"message": ...} with the HTTP status of `status`.
http_server::Response Refuse(const absl::Status& status);

// Reads one member after the other; the first wrong one is kept as the error.
class Members {
 public:
  // INVALID_ARGUMENT: not labelled application/json, or no object.
  static absl::StatusOr<Members> Parse(const http_server::Request& request);

  std::string Text(const char* name);
  int64_t Number(const char* name, int64_t standard);
  bool Flag(const char* name);
  std::vector<std::string> Texts(const char* name);
  std::string Object(const char* name);

  // After the last member: the first complaint, or one about a member that nobody asked for.
  absl::Status Done();

 private:
  explicit Members(Json json) : json_(std::move(json)) {}
  Json Take(const char* name);
  void Complain(const char* name, const char* expected);

  Json json_;
  absl::Status status_;
};

}  // namespace stratus::sandbox
