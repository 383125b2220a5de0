#include "services/provisioning/service/runtime/runtime_metrics.h"

#include "services/provisioning/domain/run_status.h"

namespace stratus::provisioning::service {
namespace {

constexpr size_t kPrefixSize = sizeof("RUN_STATUS_") - 1;

void WriteOpen(const RuntimeCounters& counters, telemetry::Snapshot& out) {
  for (int status = 1; status < v1::RunStatus_ARRAYSIZE; ++status) {
    const auto value = static_cast<v1::RunStatus>(status);
    if (domain::IsTerminal(value)) continue;
    out.Gauge("stratus_provisioning_runs_open", "Runs that have not ended, by status, of all replicas.",
              static_cast<double>(counters.open[static_cast<size_t>(status)].load()),
              {{"status", v1::RunStatus_Name(value).substr(kPrefixSize)}});
  }
}

void WriteEnds(const RuntimeCounters& counters, telemetry::Snapshot& out) {
  for (int status = 0; status < v1::RunStatus_ARRAYSIZE; ++status) {
    const auto value = static_cast<v1::RunStatus>(status);
    if (!domain::IsTerminal(value)) continue;
    out.Counter("stratus_provisioning_runs_ended_total", "Runs that ended here, by status.",
                static_cast<double>(counters.ended[static_cast<size_t>(status)].load()),
                {{"status", v1::RunStatus_Name(value).substr(kPrefixSize)}});
  }
}

void WriteEgress(const RuntimeCounters& counters, telemetry::Snapshot& out) {
  for (const egress::Outcome outcome : egress::kOutcomes) {
    out.Counter("stratus_provisioning_egress_connections_total",
                "Connections that runs asked for, by what became of them. Refused: host, address, too_many, malformed.",
                static_cast<double>(counters.egress[static_cast<size_t>(outcome)].load()),
                {{"result", std::string(egress::OutcomeName(outcome))}});
  }
}

}  // namespace

void WriteRuntimeMetrics(const RuntimeCounters& counters, const Scheduler::Stats& scheduler,
                         const StateKeeper::Stats& states, telemetry::Snapshot& out) {
  WriteOpen(counters, out);
  WriteEnds(counters, out);
  WriteEgress(counters, out);
  const auto count = [&out](std::string_view name, std::string_view help, uint64_t value) {
    out.Counter(name, help, static_cast<double>(value));
  };
  out.Gauge("stratus_provisioning_runs_under_way", "Runs that this replica drives.", scheduler.under_way);
  out.Gauge("stratus_provisioning_heartbeat_age_seconds", "Since leases were last renewed.",
            absl::ToDoubleSeconds(scheduler.since_heartbeat));
  count("stratus_provisioning_runs_claimed_total", "Runs taken from the queue.", counters.claimed.load());
  count("stratus_provisioning_runs_taken_over_total", "Runs taken up after a restart, or from a replica that is gone.",
        counters.taken_over.load());
  count("stratus_provisioning_recoveries_total", "Runs whose engine was killed, or died.", counters.recoveries.load());
  count("stratus_provisioning_recovered_imports_total", "Resources imported by recovery.", counters.imports.load());
  count("stratus_provisioning_leases_lost_total", "Runs that another replica drives now.", counters.leases_lost.load());
  count("stratus_provisioning_state_writes_total", "State versions stored.", states.writes);
  count("stratus_provisioning_state_refusals_total", "State writes refused: no lease, no lock, or not newer.",
        states.refusals);
}

}  // namespace stratus::provisioning::service
