#include "services/sandbox/xray/daemon.h"

#include <linux/sock_diag.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/sandbox/xray/segment_check.h"

namespace stratus::sandbox::xray {
namespace {

constexpr int kReceiveBuffer = 16 << 20;
constexpr size_t kDatagramMax = 65'536;
constexpr int kPortTries = 20;

void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

absl::Status CannotListen(const core::Address& listen, std::string_view reason) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", listen.ToString(), " (UDP): ", core::ToAbsl(reason)));
}

// So that a burst survives until the receiver gets the processor. Past the system's limit only root may go.
void EnlargeBuffer(int socket) {
  if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof(kReceiveBuffer)) == 0) return;
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof(kReceiveBuffer));
}

// What the kernel has thrown away for want of room.
uint64_t LostBy(int socket) {
  uint32_t info[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof(info);
  return getsockopt(socket, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

}  // namespace

Daemon::Daemon(const core::Clock* clock, Faults* faults) : clock_(*clock), router_(faults), sampling_(clock) {
  faults->AddTarget("xray", SamplingApi::ErrorBody);
  sampling_.AddRoutes(&router_);
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const core::Address& listen, const core::Clock* clock,
                                                      Faults* faults) {
  std::unique_ptr<Daemon> daemon(new Daemon(clock, faults));
  if (absl::Status status = daemon->Bind(listen); !status.ok()) return status;
  daemon->receiver_ = std::thread([raw = daemon.get()] { raw->Receive(); });
  daemon->looker_ = std::thread([raw = daemon.get()] { raw->Look(); });
  return daemon;
}

// A free TCP port need not be free for UDP: then another one is tried.
absl::Status Daemon::Bind(const core::Address& listen) {
  stop_ = eventfd(0, EFD_CLOEXEC);
  if (stop_ < 0) return absl::ResourceExhaustedError("no descriptor for an eventfd");
  for (int left = kPortTries;; --left) {
    auto server = http_server::Server::Start(
        listen, [this](const http_server::Request& request) { return router_.Answer(request); }, {.threads = 2});
    if (!server.ok()) return server.status();
    core::Address bound = *core::ParseAddress((*server)->address());
    const absl::Status udp = BindUdp(bound);
    if (udp.ok()) {
      server_ = *std::move(server);
      address_ = bound.ToString();
      return absl::OkStatus();
    }
    if (listen.port != 0 || left == 0) return udp;
  }
}

absl::Status Daemon::BindUdp(const core::Address& listen) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(listen.host.c_str(), std::to_string(listen.port).c_str(), &hints, &found);
  if (error != 0) return CannotListen(listen, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  const int socket_made = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_made < 0) return CannotListen(listen, std::strerror(errno));
  if (bind(socket_made, found->ai_addr, found->ai_addrlen) != 0) {
    const int reason = errno;
    close(socket_made);
    return CannotListen(listen, std::strerror(reason));
  }
  EnlargeBuffer(socket_made);
  socket_ = socket_made;
  return absl::OkStatus();
}

Daemon::~Daemon() {
  server_.reset();
  {
    core::MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  const uint64_t one = 1;
  if (stop_ >= 0 && write(stop_, &one, sizeof(one)) < 0) std::abort();  // an eventfd takes it
  if (receiver_.joinable()) receiver_.join();
  if (looker_.joinable()) looker_.join();
  if (socket_ >= 0) close(socket_);
  if (stop_ >= 0) close(stop_);
}

void Daemon::Receive() {
  BlockSignals();
  std::string buffer(kDatagramMax, '\0');
  for (;;) {
    const ssize_t size = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) {
      pollfd wait[2] = {{socket_, POLLIN, 0}, {stop_, POLLIN, 0}};
      if (poll(wait, 2, -1) > 0 && wait[1].revents != 0) return;
      continue;
    }
    core::MutexLock lock(mutex_);
    ++counts_.datagrams;
    if (waiting_.size() >= kWaitingMax || waiting_bytes_ >= kWaitingBytesMax) {
      ++counts_.overrun;
      continue;
    }
    waiting_.emplace_back(buffer, 0, static_cast<size_t>(size));
    waiting_bytes_ += static_cast<size_t>(size);
    if (waiting_.size() == 1) wake_.NotifyOne();
  }
}

void Daemon::Look() {
  BlockSignals();
  for (;;) {
    std::deque<std::string> batch;
    {
      core::MutexLock lock(mutex_);
      looking_at_ = 0;
      while (waiting_.empty() && !stopping_) wake_.Wait(lock);
      if (stopping_) return;
      batch.swap(waiting_);
      waiting_bytes_ = 0;
      looking_at_ = batch.size();
    }
    for (const std::string& datagram : batch) {
      Json document;
      std::vector<std::string> problems = CheckDatagram(datagram, clock_.Now(), &document);
      if (problems.empty()) {
        store_.Add(document);
      } else {
        store_.Reject(std::move(problems));
      }
    }
  }
}

Daemon::Counts Daemon::counts() const {
  core::MutexLock lock(mutex_);
  Counts counts = counts_;
  counts.waiting = waiting_.size() + looking_at_;
  counts.lost = LostBy(socket_);
  return counts;
}

}  // namespace stratus::sandbox::xray
