#include "lib/telemetry/udp_exporter.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

#include "lib/core/clock.h"

namespace stratus::telemetry {
namespace {

// How long the first spans wait for the daemon's address, and any for room in the socket's buffer.
constexpr absl::Duration kResolvePatience = absl::Seconds(1);
constexpr timeval kSendPatience = {.tv_sec = 0, .tv_usec = 100'000};

// Spans for which the thread wakes at once.
constexpr size_t kEnough = 256;

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
    for (const FinishedSpans& finished : batch) Write(finished);
    SendBatch();
  }
}

void UdpExporter::Write(const FinishedSpans& finished) {
  const DocumentCounts counts = writer_.Write(finished, options_.datagram_bytes_max - kDaemonHeader.size(),
                                              [this](std::string_view document, size_t spans) {
                                                batch_.Add(kDaemonHeader, document, spans);
                                                if (batch_.full()) SendBatch();
                                              });
  counters_.Truncated(static_cast<uint64_t>(counts.truncated));
  counters_.Dropped(DropReason::kTooLarge, static_cast<uint64_t>(counts.too_large));
}

void UdpExporter::SendBatch() {
  if (batch_.empty()) return;
  if (OutOfTime()) {
    batch_.Abandon([this](size_t spans) { counters_.Dropped(DropReason::kShutdown, spans); });
  } else if (!Connect()) {
    batch_.Abandon([this](size_t spans) { counters_.Dropped(DropReason::kUnresolved, spans); });
  } else {
    batch_.Send(socket_, [this](size_t spans, int error) { Count(spans, error); });
  }
}

void UdpExporter::Count(size_t spans, int error) {
  switch (error) {
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
  // A socket buffer without room is waited for this long, and no longer.
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &kSendPatience, sizeof(kSendPatience));
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
