// How a cluster finds its endpoints, chooses among them, and what it does when they fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway/http/tls_context.h"
#include "gateway/upstream/admission.h"
#include "gateway/upstream/resolver.h"
#include "gateway/upstream/stats.h"
#include "lib/core/address.h"

namespace stratus::gateway::upstream {

inline constexpr int kConnectionsMax = 64;
// What a name resolves to beyond this is left out, with a warning.
inline constexpr size_t kEndpointsMax = 256;

enum class Balancing : uint8_t {
  kRoundRobin,
  kLeastRequest,  // of two endpoints chosen at random, the one with fewer calls under way
};

// grpc.health.v1.Health/Check on each endpoint. The first answer decides at once; later ones by the thresholds. A
// server without the health service counts as serving.
struct HealthCheckOptions {
  bool enabled = false;
  std::string service;  // what to ask for; empty: the server as a whole
  absl::Duration interval = absl::Seconds(10);
  double jitter = 0.2;  // of the interval, both ways
  absl::Duration timeout = absl::Seconds(1);
  int unhealthy_threshold = 3;
  int healthy_threshold = 2;
};

// An endpoint whose calls fail again and again gets no calls for a while. Failures are UNAVAILABLE, answers that are
// not gRPC, resets other than CANCEL and connections that break; what a service answers otherwise is its own affair. So
// is one of which a row of unary calls got no byte before their deadlines, and one that answers no PING.
struct OutlierOptions {
  int consecutive_failures = 5;  // 0: never eject
  int consecutive_timeouts = 5;  // 0: timeouts do not count
  // A call that waited for less says nothing: its client may just have been in a hurry.
  absl::Duration timeout_min = absl::Seconds(1);
  absl::Duration ejection_min = absl::Seconds(30);
  absl::Duration ejection_max = absl::Seconds(300);  // the pause grows with each ejection soon after the last
  int share_max_percent = 50;  // of the endpoints, ejected at once; one may always be, if there are several
};

// Calls that the server has not begun to process are always started again; others only if they are idempotent, failed
// with UNAVAILABLE and nothing of the reply has come.
struct RetryOptions {
  int attempts_max = 3;  // the first among them
  // Of all calls, how many may be retried on top of a reserve of ten; unprocessed ones do not count.
  int budget_percent = 20;
  absl::Duration backoff_min = absl::Milliseconds(25);  // full jitter, doubled for each attempt
  absl::Duration backoff_max = absl::Milliseconds(250);
};

struct ClusterOptions {
  core::Address address;
  // Further endpoints of the same services. Each may be a name with many addresses.
  std::vector<core::Address> more_addresses;
  // Connections to each endpoint for unary calls, and as many again for streaming ones; up to kConnectionsMax.
  int connections = 1;
  absl::Duration connect_timeout = absl::Seconds(5);
  // Between two attempts, with jitter: the first pause, doubled up to the longest.
  absl::Duration backoff_min = absl::Milliseconds(50);
  absl::Duration backoff_max = absl::Seconds(5);
  std::shared_ptr<const http::TlsClientContext> tls;  // null: plain
  // Calls that may wait for a connection or a free stream; one more fails with UNAVAILABLE.
  size_t queue_max = 8192;
  // Zero: no PINGs. They are sent only while calls are under way and the connection is silent.
  absl::Duration keepalive_interval = absl::Seconds(5);
  absl::Duration keepalive_timeout = absl::Seconds(5);

  // How often names are resolved again; also when an endpoint cannot be reached, at most once in resolve_pause.
  absl::Duration resolve_interval = absl::Seconds(30);
  absl::Duration resolve_pause = absl::Seconds(1);
  Balancing balancing = Balancing::kRoundRobin;
  // Below this share of endpoints that are healthy and not ejected, all of them are used: a few could not carry the
  // load of the many.
  int panic_percent = 50;
  HealthCheckOptions health_check;
  OutlierOptions outlier;
  RetryOptions retry;
  AdmissionOptions admission;

  std::shared_ptr<ClusterStats> stats;  // null: nobody reads them
  ResolverFactory resolver;             // null: the system's
};

}  // namespace stratus::gateway::upstream
