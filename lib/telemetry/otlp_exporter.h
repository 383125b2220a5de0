// Sends finished spans to an OpenTelemetry collector, or to X-Ray's own endpoint: OTLP over HTTP, JSON. Like the UDP
// exporter it has a thread of its own and a bounded queue; what the collector refuses, or does not answer in time, is
// counted and gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "lib/http_client/http_client.h"
#include "lib/telemetry/export_counters.h"
#include "lib/telemetry/export_queue.h"
#include "lib/telemetry/span_record.h"

namespace stratus::telemetry {

struct OtlpExporterOptions {
  std::string url;                                           // `http://collector:4318/v1/traces`
  std::vector<std::pair<std::string, std::string>> headers;  // may hold secrets: never logged
  bool gzip = false;
  // For X-Ray's own endpoint.
  std::optional<http_client::AwsSigning> signing;
  size_t queue_spans_max = 20'000;
  // Of one request, before compression. X-Ray's own endpoint takes 10,000 spans and 5 MB.
  size_t request_spans_max = 500;
  size_t request_bytes_max = 4 << 20;
  absl::Duration linger = absl::Seconds(1);  // how long spans wait for company
  absl::Duration request_timeout = absl::Seconds(10);
};

class OtlpExporter final : public SpanSink {
 public:
  explicit OtlpExporter(OtlpExporterOptions options);
  // Shuts down at once where Shutdown was not called.
  ~OtlpExporter() override;

  void Export(FinishedSpans finished) override;

  // Sends what is queued, for at most `limit`; the rest is dropped, as is what comes later. A second call does nothing.
  void Shutdown(absl::Duration limit);

  const ExportCounters& counters() const { return counters_; }
  size_t queued() const { return queue_.spans(); }

 private:
  void Run();
  void Send(const std::vector<FinishedSpans>& spans);
  void Post(std::string body, size_t spans);
  // Logs the first failure of an outage.
  void Failed(const absl::Status& status);
  // Nothing where there is no memory for it.
  std::optional<http_client::Request> MakeRequest(std::string body) const;
  // Until the answer is here or the time to end is over.
  struct Pending;
  void Await(Pending* pending);
  absl::Duration TimeLeft() const;

  const OtlpExporterOptions options_;
  ExportCounters counters_;
  ExportQueue queue_;
  std::unique_ptr<http_client::Client> client_;
  std::atomic<int64_t> give_up_nanos_;  // monotonic
  bool failing_ = false;                // of the thread alone
  core::Mutex mutex_;
  core::CondVar wake_;
  std::thread thread_;
};

}  // namespace stratus::telemetry
