// What an OpenAPI document made from descriptors cannot know, merged into it: the instances of a templated path, with
// schemas of their own.
//
//   {"paths": {"/droplet": {"x-instance-of": "/{module}",
//                           "post": {"requestBody": {"content": {"application/json": {"schema": {...}}}}}}}}
//
// A path with `x-instance-of` begins as a copy of that path's item: parameters of its template that the instance's path
// does not have are left out, and operation ids get the path's name. Then everything is merged: objects member by
// member, all else in place of what was there; null removes a member, or is a value where there is none to remove
// (`"default": null`). Only `paths`, `components` and `tags` may be given.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::gateway::openapi {

// The document with the overlay merged in. INVALID_ARGUMENT says what is wrong with the overlay, and where.
absl::StatusOr<std::string> ApplyOverlay(std::string_view document, std::string_view overlay);

}  // namespace stratus::gateway::openapi
