// What every proxied call has: an exchange with the client, a decision about the caller, a call to the upstream, a line
// in the access log. The kinds of calls derive from it; objects are pooled, so state is reset in Begin and Finish.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/filter/auth_filter.h"
#include "gateway/http/exchange.h"
#include "gateway/proxy/call_trace.h"
#include "gateway/proxy/environment.h"

namespace stratus::gateway::proxy {

class ProxyCall : public http::Handler, public upstream::CallObserver, private filter::AuthWaiter {
 public:
  explicit ProxyCall(Environment* environment)
      : env_(*environment), body_deadline_([](void* self) { static_cast<ProxyCall*>(self)->OnBodyDeadline(); }, this) {}
  ProxyCall(const ProxyCall&) = delete;
  ProxyCall& operator=(const ProxyCall&) = delete;

  // http::Handler: the client has gone.
  void OnAbort() final;

 protected:
  ~ProxyCall() = default;

  // Takes over the exchange. `method` is null for a gRPC path that the descriptors do not hold.
  void Begin(http::Exchange* exchange, std::shared_ptr<WorkerSnapshot> snapshot, const Method* method,
             std::string_view route);

  // Decides about the caller, now or later: OnAuthorized or OnDenied follows.
  void Authorize(const auth::Policy& policy);
  virtual void OnAuthorized() = 0;
  virtual void OnDenied(const auth::Outcome& outcome) = 0;
  // Puts the object back into its pool.
  virtual void Recycle() = 0;

  // Null while the decision about the caller is pending, and where nobody had to say who he is.
  const auth::Principal* principal() const { return principal_.get(); }
  const http::RequestHead& request() const { return exchange_->request(); }
  // Reads the client's grpc-timeout. INVALID_ARGUMENT: it is none, and the call must not be answered as if the default
  // had been asked for.
  absl::Status TakeTimeout();
  // The client's deadline, or the default.
  int64_t TimeoutNs(bool streaming) const { return ClampTimeoutNs(asked_timeout_ns_, streaming); }
  // The same of what the client asked for in its own way; -1: nothing.
  int64_t ClampTimeoutNs(int64_t asked_ns, bool streaming) const;
  // Of a call whose request is whole before the upstream hears of it: its deadline covers the body, too, and Fail comes
  // when that is late. Until StopAwaitingBody.
  void AwaitBody(int64_t timeout_ns);
  void StopAwaitingBody() { body_deadline_.Disarm(); }
  // What is left of a timeout that began with the call.
  int64_t TimeLeftNs(int64_t timeout_ns) const;
  // Whether there is room for the body that the request announces. While memory is short there is for a small one
  // alone.
  bool HasRoomForBody();
  // Ends the call with a status of our own; the upstream call is cancelled.
  virtual void FailCall(const absl::Status& status) = 0;
  // Appends what every upstream call carries beside mapped headers.
  void AppendCommonMetadata(HeaderList* out);
  // Appends what every response carries: x-request-id and CORS headers.
  void AppendCommonHeaders(HeaderList* out) const;
  // For who looks at the call's trace.
  void Annotate(std::string_view key, std::string_view value) { trace_.Annotate(key, value); }
  upstream::Cluster& cluster(size_t upstream) { return *env_.clusters[upstream]; }

  // The call is over: logs it and recycles. The exchange is done with (FinishBody, EndStream or Abort has been called,
  // or is what the caller does next by way of `exchange`).
  void Finish(int http_status, absl::StatusCode code);
  // Cancels the upstream call, if any.
  void CancelUpstream();
  // No client waits for this call: it is in no log and no count.
  bool detached() const { return detached_; }
  void SetDetached() { detached_ = true; }

  Environment& env_;
  http::Exchange* exchange_ = nullptr;
  std::shared_ptr<WorkerSnapshot> snapshot_;
  const Method* method_ = nullptr;
  const auth::Policy* policy_ = nullptr;
  upstream::Call* call_ = nullptr;  // null before the upstream call and after its end
  size_t upstream_ = 0;
  bool authorized_ = false;
  bool detached_ = false;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;

 private:
  static constexpr int kClientClosedRequest = 499;  // in the log alone: nobody is there to read a status

  void OnBodyDeadline();
  void OnAuthOutcome(const auth::Outcome& outcome) final;
  void WriteLog(int http_status, absl::StatusCode code);
  // As metrics and traces name it.
  std::string_view RouteLabel() const { return method_ != nullptr ? route_ : kUnmatched; }

  std::string_view route_;
  CallTrace trace_;
  std::string request_id_;
  std::string forwarded_for_;
  uint64_t auth_ticket_ = 0;  // 0: no decision is awaited
  std::shared_ptr<const auth::Principal> principal_;
  const char* denied_reason_ = "";
  int64_t started_ns_ = 0;
  upstream::Timer body_deadline_;
  int64_t asked_timeout_ns_ = -1;  // -1: the client asked for none
};

}  // namespace stratus::gateway::proxy
