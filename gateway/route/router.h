// Which method a request is for: path templates of google.api.http compiled into one matcher.
//
// Matching costs a walk over the request's segments, whatever the number of routes. A literal beats `*`, `*` beats
// `**`, segment by segment from the left; the method counts as part of the match, so a less specific path may answer
// where a more specific one lacks the method. Rules: the comments of google/api/http.proto, and where they are silent:
//
// - `/v1/x` matches `/v1/x/{rest=**}` with an empty `rest` (zero segments). A path with an empty segment (`//`, or a
//   slash at the end) matches nothing.
// - What follows the last colon of the last segment is a verb where a template with that verb fits the path before it,
//   whatever its method: `/v1/{name}` never takes `x:cancel` from `/v1/{name}:cancel`. Any other colon is literal.
//   `%3A` never begins a verb.
// - Literals and verbs are compared percent-decoded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stratus::gateway::route {

// A variable's part of the path, raw: still percent-encoded. `multi` for a variable that spans `**` or several
// segments: in it %2F stays as it is when decoded; in a single segment everything is decoded.
struct Capture {
  uint16_t variable;  // index into Router::variables
  bool multi;
  std::string_view raw;
};

struct Match {
  int route = -1;  // the number that Add returned
  absl::InlinedVector<Capture, 4> captures;
};

enum class Outcome {
  kFound,
  kNoSuchPath,   // 404
  kWrongMethod,  // 405: allowed methods in `allow`
};

class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // Adds `method` (GET, POST, ..., or `*` for any) with `path_template`; `name` (pkg.Service.Method) is for errors.
  // INVALID_ARGUMENT: not a template (where and why) or not a method; ALREADY_EXISTS: the same method and the same
  // shape of path are taken (both names). A failed Add changes nothing. Returns the route's number, counting from 0.
  absl::StatusOr<int> Add(std::string_view method, std::string_view path_template, std::string_view name);

  // The variables' dotted field paths of a route, in the order that Capture::variable counts.
  const std::vector<std::string>& variables(int route) const;

  // `path` as it came, without the query. Thread-safe; allocates nothing on the way to kFound with up to 4 captures.
  // HEAD matches GET where there is no route of its own. `allow`, when given, gets `GET, HEAD, OPTIONS` on
  // kWrongMethod: the methods of every template that fits the path, HEAD wherever GET is, and OPTIONS always.
  Outcome Find(std::string_view method, std::string_view path, Match* match, std::string* allow = nullptr) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Percent-decodes a capture by the rule above; false when an escape is malformed.
bool Decode(const Capture& capture, std::string* out);

}  // namespace stratus::gateway::route
