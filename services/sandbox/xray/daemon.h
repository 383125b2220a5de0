// The X-Ray daemon's two sides: segments by UDP, sampling by TCP, on one port number. What it takes is checked strictly
// and can be looked at (traces_page.h); nothing goes on to AWS.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "lib/core/address.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/http_server/http_server.h"
#include "services/sandbox/faults.h"
#include "services/sandbox/router.h"
#include "services/sandbox/xray/sampling_api.h"
#include "services/sandbox/xray/trace_store.h"

namespace stratus::sandbox::xray {

class Daemon {
 public:
  // Binds and serves. A fault of the target `xray` strikes its TCP side. `clock` and `faults` outlive it.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const core::Address& listen, const core::Clock* clock,
                                                       Faults* faults);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // AWS_XRAY_DAEMON_ADDRESS for it: `127.0.0.1:40123`.
  const std::string& address() const { return address_; }

  TraceStore& store() { return store_; }
  SamplingApi& sampling() { return sampling_; }

  struct Counts {
    uint64_t datagrams = 0;  // received
    uint64_t waiting = 0;    // of them, not looked at yet
    uint64_t overrun = 0;    // of them, lost here: they came faster than they could be looked at
    uint64_t lost = 0;       // beside them: the socket's buffer had no room, so they were never received
  };
  Counts counts() const;

 private:
  Daemon(const core::Clock* clock, Faults* faults);
  absl::Status Bind(const core::Address& listen);
  absl::Status BindUdp(const core::Address& listen);
  void Receive();
  void Look();

  // Datagrams that wait to be looked at.
  static constexpr size_t kWaitingMax = 100'000;
  static constexpr size_t kWaitingBytesMax = 256 << 20;

  const core::Clock& clock_;
  Router router_;
  SamplingApi sampling_;
  TraceStore store_;
  std::string address_;
  int socket_ = -1;
  int stop_ = -1;  // an eventfd
  std::unique_ptr<http_server::Server> server_;

  mutable core::Mutex mutex_;
  core::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::string> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t looking_at_ ABSL_GUARDED_BY(mutex_) = 0;
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  std::thread receiver_;
  std::thread looker_;
};

}  // namespace stratus::sandbox::xray
