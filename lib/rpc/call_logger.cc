#include "lib/rpc/call_logger.h"

#include "absl/time/clock.h"
#include "lib/auth/outcome.h"
#include "lib/auth/principal.h"
#include "lib/telemetry/trace_context.h"

namespace stratus::rpc {
namespace {

constexpr std::string_view kHealth = "/grpc.health.";

}  // namespace

void CallLogger::OnCallStart(std::string_view method) {
  if (next_ != nullptr) next_->OnCallStart(method);
}

void CallLogger::OnCallDone(const CallRecord& record) {
  if (next_ != nullptr) next_->OnCallDone(record);
  if (log_ == nullptr) return;
  telemetry::CallLine line;
  line.time = absl::Now();
  line.service = service_;
  line.request_id = record.request_id;
  line.trace_id = record.trace.trace_id();
  if (record.outcome.principal != nullptr) line.client_id = record.outcome.principal->client_id;
  line.peer = record.peer;
  line.protocol = "gRPC";
  line.route = record.method;
  line.code = record.code;
  line.bytes_in = record.bytes_in;
  line.bytes_out = record.bytes_out;
  line.duration = record.latency;
  if (!record.outcome.allowed()) line.reason = record.outcome.reason;
  line.health_check = record.method.substr(0, kHealth.size()) == kHealth;
  log_->Write(line);
}

}  // namespace stratus::rpc
