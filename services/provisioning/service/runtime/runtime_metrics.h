// What the runtime counts, as a scrape has it.
#pragma once

#include "lib/telemetry/metrics.h"
#include "services/provisioning/service/runtime/scheduler.h"
#include "services/provisioning/service/runtime/state_keeper.h"

namespace stratus::provisioning::service {

void WriteRuntimeMetrics(const RuntimeCounters& counters, const Scheduler::Stats& scheduler,
                         const StateKeeper::Stats& states, telemetry::Snapshot& out);

}  // namespace stratus::provisioning::service
