// The part of a call that handlers of every kind share: who calls, until when, and whether they still wait.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/auth/principal.h"
#include "lib/core/mutex.h"
#include "lib/telemetry/trace_context.h"

namespace stratus::rpc {

class CallContext;

// Thread-safe but for the metadata setters. Until Finish() everything is valid; after it, only principal(), tenant(),
// deadline() and cancelled() may be called.
class Call {
 public:
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Who calls; null for a method declared public, and where authentication is off.
  const std::shared_ptr<const auth::Principal>& principal() const { return principal_; }
  // The principal's tenant; empty when there is no principal.
  std::string_view tenant() const;

  // InfiniteFuture when the caller set none. The call is cancelled when it passes.
  absl::Time deadline() const { return deadline_; }

  // Whether the caller went away, the deadline passed, or a drain ran out of patience.
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

  // Runs `callback` once if the call is cancelled before it is finished; at once if it is cancelled already. It runs on
  // any thread and must not block; one callback a call (a second replaces the first). Dropped unrun by Finish(), so it
  // may hold the call. A cancelled call must still be finished, soon: a drain waits for it.
  void OnCancel(std::function<void()> callback);

  const telemetry::TraceContext& trace() const;
  const std::string& request_id() const;
  // `/pkg.Service/Method`
  std::string_view method() const;
  // The socket's other end, for logs: never for a decision.
  std::string peer() const;
  // The first value the caller sent under a (lower-case) key, or empty.
  std::string_view Metadata(std::string_view key) const;

  // Response metadata, from one thread at a time; initial metadata goes out with the first message. Keys in lower case,
  // values printable ASCII (any bytes under a key that ends in `-bin`).
  void AddInitialMetadata(const std::string& key, const std::string& value);
  void AddTrailingMetadata(const std::string& key, const std::string& value);

  // The HTTP status the gateway gives a success: 200..299 (x-http-status). Before the first message.
  void SetHttpStatus(int status);

 protected:
  explicit Call(CallContext* context);
  ~Call();

  // True for the first caller alone: the one that may finish the call.
  bool ClaimFinish();
  void CountIn(size_t bytes);
  void CountOut(size_t bytes);
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  void Cancel();

 private:
  CallContext* const context_;  // gRPC's, until OnDone
  const std::shared_ptr<const auth::Principal> principal_;
  const absl::Time deadline_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> finished_{false};
  core::Mutex mutex_;
  std::function<void()> on_cancel_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::rpc
