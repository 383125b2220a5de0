// Every item of a paged list of a provider's API.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/http_client/http_client.h"
#include "stratus/config/v1/finder.pb.h"

namespace stratus::provisioning::engine {

// `path` against `base` as RFC 3986 (5.2) has it, and as the providers' own clients do, so that the finder asks where
// the provider made it: an absolute path replaces the base's, a relative one what follows its last slash.
std::string JoinUrl(std::string_view base, std::string_view path);

// All items, as one array. What is removed while the pages are read moves others from a page to come to one that is
// past, where nobody sees them: so a list of several pages counts only when two readings in a row, of a few, are alike.
//
// FAILED_PRECONDITION (the token is refused), UNAVAILABLE or DEADLINE_EXCEEDED (ask again), RESOURCE_EXHAUSTED (more
// than can be read), INTERNAL (not what the description says). Messages name host and path, never the token.
absl::StatusOr<nlohmann::json> FetchAll(http_client::Client* client, const config::v1::FinderResource& resource,
                                        const std::string& base_url, const std::string& token, absl::Time deadline);

}  // namespace stratus::provisioning::engine
