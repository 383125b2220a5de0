// Page tokens: where a list goes on, bound to the query that it belongs to.
//
// A token says nothing that its holder may not see and grants nothing: it only moves the start within the caller's own
// query, so its checksum guards against mistakes and needs no key.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::provisioning::store {

// The last row of a page.
struct Position {
  int64_t number = 0;  // its time, sequence or serial
  std::string text;    // its id or uid
};

// `query` are the parts that make the query: a token of one query is refused by another.
std::string MakePageToken(std::initializer_list<std::string_view> query, const Position& position);

// INVALID_ARGUMENT: not one of ours, or of another query.
absl::StatusOr<Position> ReadPageToken(std::initializer_list<std::string_view> query, std::string_view token);

}  // namespace stratus::provisioning::store
