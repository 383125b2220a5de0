#include "lib/telemetry/host_resolver.h"

#include <netdb.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "lib/core/log.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"

namespace stratus::telemetry {
namespace {

// How soon a name that gave no address yet is looked up again.
constexpr absl::Duration kRetry = absl::Seconds(5);

}  // namespace

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  return a.length == b.length && std::memcmp(&a.storage, &b.storage, a.length) == 0;
}

struct HostResolver::State {
  core::Mutex mutex;
  core::CondVar done;
  std::optional<SocketAddress> address ABSL_GUARDED_BY(mutex);
  bool under_way ABSL_GUARDED_BY(mutex) = false;
  bool failed ABSL_GUARDED_BY(mutex) = false;
  std::optional<absl::Duration> started ABSL_GUARDED_BY(mutex);  // monotonic
};

absl::StatusOr<SocketAddress> HostResolver::SystemLookup(const HostPort& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.host.c_str(), std::to_string(host.port).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(absl::StrCat(host.host, ": ", gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  return address;
}

HostResolver::HostResolver(HostPort host, Lookup lookup)
    : host_(std::move(host)), lookup_(std::move(lookup)), state_(std::make_shared<State>()) {}

std::optional<SocketAddress> HostResolver::Find(absl::Duration fresh_for, absl::Duration patience) {
  const core::Clock& clock = core::Clock::Real();
  core::MutexLock lock(state_->mutex);
  const absl::Duration wait = state_->address ? fresh_for : std::min(fresh_for, kRetry);
  const bool due = !state_->started || clock.Monotonic() - *state_->started >= wait;
  if (due && !state_->under_way) {
    state_->under_way = true;
    state_->started = clock.Monotonic();
    StartLookup();
  }
  const absl::Duration give_up = clock.Monotonic() + patience;
  while (!state_->address && state_->under_way && clock.Monotonic() < give_up) {
    state_->done.WaitFor(lock, absl::ToChronoNanoseconds(give_up - clock.Monotonic()));
  }
  return state_->address;
}

void HostResolver::StartLookup() {
  std::thread([state = state_, lookup = lookup_, host = host_] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    const absl::StatusOr<SocketAddress> found = lookup(host);
    core::MutexLock lock(state->mutex);
    if (!found.ok() && !state->failed) {
      core::Log(core::Severity::kWarning, "the trace collector's address cannot be looked up",
                {{"host", host.host}, {"error", core::ToStd(found.status().message())}});
    }
    state->failed = !found.ok();
    if (found.ok()) state->address = *found;
    state->under_way = false;
    state->done.NotifyAll();
  }).detach();
}

}  // namespace stratus::telemetry
