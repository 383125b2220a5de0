// Sends finished spans to an X-Ray daemon, a document a datagram. A thread of its own does the work: who exports never
// waits, and a daemon that is down, or slow, costs spans (counted by reason), never a call's time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <thread>

#include "absl/time/time.h"
#include "lib/telemetry/datagram_batch.h"
#include "lib/telemetry/export_counters.h"
#include "lib/telemetry/export_queue.h"
#include "lib/telemetry/host_resolver.h"
#include "lib/telemetry/span_record.h"
#include "lib/telemetry/xray_document.h"

namespace stratus::telemetry {

struct UdpExporterOptions {
  HostPort daemon;
  size_t queue_spans_max = 20'000;
  // How long spans wait for company: waking the thread for each would cost the call that ends more than its span does.
  absl::Duration linger = absl::Milliseconds(100);
  absl::Duration resolve_every = absl::Seconds(60);
  // The most that UDP over IPv4 carries, the daemon's header included.
  size_t datagram_bytes_max = 65'507;
  HostResolver::Lookup lookup = HostResolver::SystemLookup;
};

// What stands before each document.
inline constexpr std::string_view kDaemonHeader = "{\"format\": \"json\", \"version\": 1}\n";

class UdpExporter final : public SpanSink {
 public:
  explicit UdpExporter(UdpExporterOptions options);
  // Shuts down at once where Shutdown was not called.
  ~UdpExporter() override;

  void Export(FinishedSpans finished) override { queue_.Push(std::move(finished)); }

  // Sends what is queued, for at most `limit`; the rest is dropped, as is what comes later. A second call does nothing.
  void Shutdown(absl::Duration limit);

  const ExportCounters& counters() const { return counters_; }
  size_t queued() const { return queue_.spans(); }

 private:
  void Run();
  // Adds the documents to the batch, and sends it as often as it is full.
  void Write(const FinishedSpans& finished);
  void SendBatch();
  void Count(size_t spans, int error);
  // Opens the socket, or opens it anew after the daemon has moved. False: its address is not known.
  bool Connect();
  void CloseSocket();
  bool OutOfTime() const;

  const UdpExporterOptions options_;
  ExportCounters counters_;
  ExportQueue queue_;
  HostResolver resolver_;
  std::atomic<int64_t> give_up_nanos_;  // monotonic
  // The thread's own.
  int socket_ = -1;
  SocketAddress connected_;
  XRayDocumentWriter writer_;
  DatagramBatch batch_;
  std::thread thread_;
};

}  // namespace stratus::telemetry
