#include "lib/telemetry/udp_exporter.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

#include "lib/core/clock.h"
#include "lib/telemetry/xray_document.h"

namespace stratus::telemetry {
namespace {

// How long the first spans wait for the daemon's address, and any for room in the socket's buffer.
constexpr absl::Duration kResolvePatience = absl::Seconds(1);
constexpr int kSendPatienceMillis = 100;

// Spans for which the thread wakes at once.
constexpr size_t kEnough = 256;

// What has become of the datagrams sent so far: on one machine that is known by the time send() returns.
int PendingError(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

int SendOnce(int socket, std::string_view header, std::string_view document) {
  iovec parts[2] = {{const_cast<char*>(header.data()), header.size()},
                    {const_cast<char*>(document.data()), document.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  while (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != ENOBUFS) return errno;
    pollfd wait{socket, POLLOUT, 0};
    if (poll(&wait, 1, kSendPatienceMillis) <= 0) return EAGAIN;
  }
  return PendingError(socket);
}

}  // namespace

UdpExporter::UdpExporter(UdpExporterOptions options)
    : options_(std::move(options)),
      queue_(options_.queue_spans_max, &counters_),
      resolver_(options_.daemon, options_.lookup),
      give_up_nanos_(std::numeric_limits<int64_t>::max()),
      thread_([this] { Run(); }) {}

UdpExporter::~UdpExporter() {
  Shutdown(absl::ZeroDuration());
  CloseSocket();
}

void UdpExporter::Shutdown(absl::Duration limit) {
  if (!thread_.joinable()) return;
  give_up_nanos_.store(absl::ToInt64Nanoseconds(core::Clock::Real().Monotonic() + limit));
  queue_.Close();
  thread_.join();
}

bool UdpExporter::OutOfTime() const {
  return absl::ToInt64Nanoseconds(core::Clock::Real().Monotonic()) >= give_up_nanos_.load();
}

void UdpExporter::Run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::vector<FinishedSpans> batch;
  while (queue_.Take(&batch, kEnough, options_.linger)) {
    for (const FinishedSpans& finished : batch) Send(finished);
  }
}

void UdpExporter::Send(const FinishedSpans& finished) {
  if (OutOfTime()) return counters_.Dropped(DropReason::kShutdown, finished.spans.size());
  if (!Connect()) return counters_.Dropped(DropReason::kUnresolved, finished.spans.size());
  const DocumentCounts counts =
      WriteXRayDocuments(finished, options_.datagram_bytes_max - kDaemonHeader.size(),
                         [this](std::string_view document, size_t spans) { SendDocument(document, spans); });
  counters_.Truncated(static_cast<uint64_t>(counts.truncated));
  counters_.Dropped(DropReason::kTooLarge, static_cast<uint64_t>(counts.too_large));
}

void UdpExporter::SendDocument(std::string_view document, size_t spans) {
  switch (SendOnce(socket_, kDaemonHeader, document)) {
    case 0: return counters_.Sent(spans);
    case ECONNREFUSED: return counters_.Dropped(DropReason::kRefused, spans);
    case EMSGSIZE: return counters_.Dropped(DropReason::kTooLarge, spans);
    default: return counters_.Dropped(DropReason::kSendFailed, spans);
  }
}

bool UdpExporter::Connect() {
  const std::optional<SocketAddress> address = resolver_.Find(options_.resolve_every, kResolvePatience);
  if (!address) return false;
  if (socket_ >= 0 && *address == connected_) return true;
  CloseSocket();
  socket_ = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address->storage), address->length) != 0) {
    CloseSocket();
    return false;
  }
  connected_ = *address;
  return true;
}

void UdpExporter::CloseSocket() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

}  // namespace stratus::telemetry
