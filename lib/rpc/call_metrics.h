// Metrics of every call that a server answers:
//   stratus_rpc_started_total{method}, stratus_rpc_handled_total{method,code}, stratus_rpc_seconds{method},
//   stratus_rpc_in_flight
#pragma once

#include <memory>

#include "lib/rpc/call_observer.h"
#include "lib/telemetry/metrics.h"

namespace stratus::rpc {

// `metrics` outlives it. The labels are bounded by nature: only methods that a service has are reported.
class CallMetrics final : public CallObserver {
 public:
  explicit CallMetrics(telemetry::Metrics& metrics);

  void OnCallStart(std::string_view method) override;
  void OnCallDone(const CallRecord& record) override;

 private:
  const std::unique_ptr<telemetry::CounterMetric> started_;
  const std::unique_ptr<telemetry::CounterMetric> handled_;
  const std::unique_ptr<telemetry::HistogramMetric> seconds_;
  const std::unique_ptr<telemetry::GaugeMetric> in_flight_;
};

}  // namespace stratus::rpc
