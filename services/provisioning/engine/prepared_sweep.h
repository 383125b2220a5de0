// Which prepared folders (prepared.h) go: those that no run's control folder links to, once they have not been asked
// for in a while, or are too many.
#pragma once

#include <set>
#include <string>

#include "absl/time/time.h"

namespace stratus::provisioning::engine {

struct SweepLimits {
  absl::Duration idle_max = absl::Hours(24);  // since it was last asked for; past it an unused one goes
  size_t unused_max = 16;                     // those beyond the latest so many go before that,
  absl::Duration idle_min = absl::Hours(1);   // but not before this: a run may be about to link to it
};

// When a prepared folder was last asked for is its modification time. False: it is not there.
bool TouchPrepared(const std::string& folder);

// `spared`: names of prepared folders that stay in any case. What cannot be removed now is left for the next time.
void SweepPrepared(const std::string& prepared_folder, const std::string& control_folders,
                   const std::set<std::string>& spared, const SweepLimits& limits, absl::Time now);

}  // namespace stratus::provisioning::engine
