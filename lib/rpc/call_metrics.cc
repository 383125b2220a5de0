#include "lib/rpc/call_metrics.h"

#include "lib/core/status.h"

namespace stratus::rpc {

CallMetrics::CallMetrics(telemetry::Metrics& metrics)
    : started_(metrics.NewCounter("stratus_rpc_started_total", "Calls whose headers came in.", {"method"})),
      handled_(metrics.NewCounter("stratus_rpc_handled_total", "Calls that ended, by gRPC code.", {"method", "code"})),
      seconds_(metrics.NewHistogram("stratus_rpc_seconds", "Time from a call's headers to its end.",
                                    telemetry::LatencyBuckets(), {"method"})),
      in_flight_(metrics.NewGauge("stratus_rpc_in_flight", "Calls under way.")) {}

void CallMetrics::OnCallStart(std::string_view method) {
  started_->Increment({method});
  in_flight_->Add({}, 1);
}

void CallMetrics::OnCallDone(const CallRecord& record) {
  handled_->Increment({record.method, core::CodeName(record.code)});
  seconds_->Observe({record.method}, absl::ToDoubleSeconds(record.latency));
  in_flight_->Add({}, -1);
}

}  // namespace stratus::rpc
