// A line in the access log for every call that a server answers (telemetry/call_log.h).
#pragma once

#include <memory>
#include <string>

#include "lib/rpc/call_observer.h"
#include "lib/telemetry/call_log.h"

namespace stratus::rpc {

// An observer that logs and hands on.
class CallLogger final : public CallObserver {
 public:
  // `service`: stratus-weather. `log` null: nothing is logged. `next` (may be null) outlives it.
  CallLogger(std::string service, std::shared_ptr<telemetry::CallLog> log, CallObserver* next)
      : service_(std::move(service)), log_(std::move(log)), next_(next) {}

  void OnCallStart(std::string_view method) override;
  void OnCallDone(const CallRecord& record) override;

 private:
  const std::string service_;
  const std::shared_ptr<telemetry::CallLog> log_;
  CallObserver* const next_;
};

}  // namespace stratus::rpc
