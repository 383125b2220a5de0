// Whether an item of a provider's list is what a plan would have made.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "stratus/config/v1/finder.pb.h"

namespace stratus::provisioning::engine {

// FAILED_PRECONDITION when `planned` (an object) leaves a required attribute open: nothing can be looked for then.
absl::Status CheckPlanned(const config::v1::FinderResource& resource, const nlohmann::json& planned);

// INTERNAL when the item has not the fields that the resource is described by: then nothing is known.
absl::StatusOr<bool> Matches(const config::v1::FinderResource& resource, const nlohmann::json& planned,
                             absl::Time started, const nlohmann::json& item);

// What the engine imports the item by. INTERNAL where it has none.
absl::StatusOr<std::string> ImportId(const config::v1::FinderResource& resource, const nlohmann::json& item);

// `type base64` of an OpenSSH public key, without its comment and surplus space.
std::string NormalizedPublicKey(std::string_view text);

}  // namespace stratus::provisioning::engine
