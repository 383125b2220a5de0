#include "gateway/upstream/health_checker.h"

#include <algorithm>
#include <utility>

#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"

namespace stratus::gateway::upstream {
namespace {

constexpr size_t kPrefixBytes = 5;
constexpr char kServing = 1;              // grpc.health.v1.HealthCheckResponse.ServingStatus
constexpr char kStatusTag = 8;            // field 1, varint
constexpr char kServiceTag = 10;          // field 1, length-delimited
constexpr size_t kServiceBytesMax = 127;  // one byte of length

// A HealthCheckRequest with its gRPC prefix.
std::string Request(std::string_view service) {
  std::string wire;
  if (!service.empty()) {
    wire.push_back(kServiceTag);
    wire.push_back(static_cast<char>(std::min(service.size(), kServiceBytesMax)));
    wire += service.substr(0, kServiceBytesMax);
  }
  return std::string(kPrefixBytes - 1, '\0') + static_cast<char>(wire.size()) + wire;
}

}  // namespace

bool SaysServing(std::string_view reply) {
  // The status is the message's one field; a server that adds more is read only as far as this.
  return reply.size() >= kPrefixBytes + 2 && reply[0] == 0 && reply[kPrefixBytes] == kStatusTag &&
         reply[kPrefixBytes + 1] == kServing;
}

HealthChecker::HealthChecker(TimerQueue* timers, const HealthCheckOptions& options, std::string authority,
                             std::string name, ClusterStats* stats, Target* target)
    : timers_(timers),
      options_(options),
      authority_(std::move(authority)),
      name_(std::move(name)),
      stats_(stats),
      target_(target),
      timer_([](void* self) { static_cast<HealthChecker*>(self)->OnTimer(); }, this) {
  timers_->Arm(&timer_, TimerQueue::Now());
}

HealthChecker::~HealthChecker() {
  if (call_ != nullptr) call_->Cancel();
}

void HealthChecker::OnTimer() {
  if (!running_) {
    Begin();
    return;
  }
  if (call_ != nullptr) call_->Cancel();
  Finish(false, "the health check timed out");
}

void HealthChecker::Begin() {
  running_ = true;
  reply_.clear();
  timers_->Arm(&timer_, TimerQueue::Now() + absl::ToInt64Nanoseconds(options_.timeout));
  Send();
}

// Or leaves it to OnCapacity.
void HealthChecker::Send() {
  Connection* connection = target_->HealthConnection();
  if (connection == nullptr) return;
  CallHead head;
  head.path = "/grpc.health.v1.Health/Check";
  head.authority = authority_;
  head.timeout_ns = absl::ToInt64Nanoseconds(options_.timeout);
  ClientCall* call = target_->NewHealthCall();
  call->Prepare(head, this);
  call->pinned = true;
  call->Send(Request(options_.service), true);
  if (connection->Submit(call)) {
    call_ = call;
  } else {
    target_->DropHealthCall(call);
  }
}

void HealthChecker::OnCapacity() {
  if (running_ && call_ == nullptr) Send();
}

void HealthChecker::OnConnectFailed() {
  if (running_ && call_ == nullptr) Finish(false, "it cannot be reached");
}

void HealthChecker::OnData(std::string_view piece) {
  if (reply_.size() + piece.size() <= kReplyBytesMax) reply_ += piece;
  call_->Consumed(piece.size());
}

void HealthChecker::OnEnd(const absl::Status& status, absl::Span<const http::Header>) {
  call_ = nullptr;
  if (status.code() == absl::StatusCode::kUnimplemented) {
    if (!told_unimplemented_) {
      core::Log(core::Severity::kWarning, "upstream has no health service: it counts as serving while it answers",
                {{"endpoint", name_}});
    }
    told_unimplemented_ = true;
    Finish(true, "");
  } else if (!status.ok()) {
    Finish(false, core::ToStd(status.message()));
  } else {
    Finish(SaysServing(reply_), "it says that it does not serve");
  }
}

void HealthChecker::Finish(bool passed, std::string_view why) {
  running_ = false;
  call_ = nullptr;
  const double spread = 1 + options_.jitter * (2 * core::RandomFraction() - 1);
  timers_->Arm(&timer_, TimerQueue::Now() + absl::ToInt64Nanoseconds(options_.interval * spread));
  if (!passed) stats_->health_check_failures.Add();
  in_a_row_ = passed == healthy_ ? 0 : in_a_row_ + 1;
  const int needed = !decided_ ? 1 : passed ? options_.healthy_threshold : options_.unhealthy_threshold;
  decided_ = true;
  if (in_a_row_ < needed) return;
  healthy_ = passed;
  in_a_row_ = 0;
  if (healthy_) {
    core::Log(core::Severity::kInfo, "upstream endpoint is healthy again", {{"endpoint", name_}});
  } else {
    core::Log(core::Severity::kWarning, "upstream endpoint is unhealthy", {{"endpoint", name_}, {"reason", why}});
  }
  target_->OnHealth(healthy_);
}

}  // namespace stratus::gateway::upstream
