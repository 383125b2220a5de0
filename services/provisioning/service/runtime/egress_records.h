// What became of a run's connections, from the records that its egress process leaves: into the counters and the log.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/provisioning/service/runtime/runtime_parts.h"

namespace stratus::provisioning::service {

// A line that is none is passed over. Records are written seldom enough for the log (egress/journal.h): refusals are
// told there, connections that were made are counted only.
void TakeEgressRecords(const std::vector<std::string>& lines, std::string_view run_uid, RuntimeCounters* counters);

}  // namespace stratus::provisioning::service
