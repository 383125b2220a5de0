#include "lib/telemetry/otlp_exporter.h"

#include <signal.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "lib/core/clock.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "lib/telemetry/gzip.h"
#include "lib/telemetry/otlp_document.h"

namespace stratus::telemetry {
namespace {

using Json = nlohmann::json;

http_client::Options ClientOptions() {
  http_client::Options options;
  options.connect_timeout = absl::Seconds(2);
  options.response_bytes_max = 1 << 20;
  options.connections_max = 2;
  options.user_agent = "stratus-telemetry";
  return options;
}

// Of the spans of a request that was accepted; ProtoJSON writes 64-bit numbers as text.
uint64_t RejectedSpans(const std::string& body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer at("/partialSuccess/rejectedSpans");
  if (!json.is_object() || !json.contains(at)) return 0;
  const Json& value = json.at(at);
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  uint64_t count = 0;
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    for (const char c : text) {
      if (c < '0' || c > '9' || count > 1'000'000) return 0;
      count = count * 10 + static_cast<uint64_t>(c - '0');
    }
  }
  return count;
}

// The body stays out of it: AWS quotes a request whose signature is wrong, its session token too.
absl::Status Refusal(const http_client::Response& response) {
  const std::string_view type = response.Header("x-amzn-errortype");
  return absl::PermissionDeniedError(
      absl::StrCat("HTTP ", response.status, type.empty() ? "" : ", ", core::ToAbsl(type.substr(0, 100))));
}

}  // namespace

struct OtlpExporter::Pending {
  std::optional<absl::StatusOr<http_client::Response>> reply;
  http_client::Client::Cancel cancel;
};

OtlpExporter::OtlpExporter(OtlpExporterOptions options)
    : options_(std::move(options)),
      queue_(options_.queue_spans_max, &counters_),
      client_(std::make_unique<http_client::Client>(ClientOptions())),
      give_up_nanos_(std::numeric_limits<int64_t>::max()),
      thread_([this] { Run(); }) {}

OtlpExporter::~OtlpExporter() { Shutdown(absl::ZeroDuration()); }

void OtlpExporter::Export(FinishedSpans finished) {
  std::erase_if(finished.spans, [](const SpanRecord& span) { return span.in_progress; });
  if (!finished.spans.empty()) queue_.Push(std::move(finished));
}

void OtlpExporter::Shutdown(absl::Duration limit) {
  if (!thread_.joinable()) return;
  give_up_nanos_.store(limit == absl::InfiniteDuration()
                           ? std::numeric_limits<int64_t>::max()
                           : absl::ToInt64Nanoseconds(core::Clock::Real().Monotonic() + limit));
  queue_.Close();
  {
    core::MutexLock lock(mutex_);
    wake_.NotifyAll();
  }
  thread_.join();
}

absl::Duration OtlpExporter::TimeLeft() const {
  return absl::Nanoseconds(give_up_nanos_.load()) - core::Clock::Real().Monotonic();
}

void OtlpExporter::Run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::vector<FinishedSpans> batch, request;
  while (queue_.Take(&batch, options_.request_spans_max, options_.linger)) {
    size_t spans = 0;
    request.clear();
    for (FinishedSpans& finished : batch) {
      spans += finished.spans.size();
      request.push_back(std::move(finished));
      if (spans < options_.request_spans_max) continue;
      Send(request);
      request.clear();
      spans = 0;
    }
    if (!request.empty()) Send(request);
  }
}

// In halves, where one request would be too large.
void OtlpExporter::Send(const std::vector<FinishedSpans>& spans) {
  std::string body;
  const OtlpCounts counts = WriteOtlpRequest(spans, &body);
  if (counts.spans == 0) return;
  if (body.size() <= options_.request_bytes_max) {
    counters_.Truncated(counts.truncated);
    return Post(std::move(body), counts.spans);
  }
  if (spans.size() == 1) return counters_.Dropped(DropReason::kTooLarge, counts.spans);
  const auto middle = spans.begin() + static_cast<std::ptrdiff_t>(spans.size() / 2);
  Send({spans.begin(), middle});
  Send({middle, spans.end()});
}

std::optional<http_client::Request> OtlpExporter::MakeRequest(std::string body) const {
  http_client::Request request;
  request.method = "POST";
  request.url = options_.url;
  request.headers = options_.headers;
  request.headers.emplace_back("content-type", "application/json");
  if (options_.gzip) {
    std::optional<std::string> packed = Gzip(body);
    if (!packed) return std::nullopt;
    request.headers.emplace_back("content-encoding", "gzip");
    body = *std::move(packed);
  }
  request.body = std::move(body);
  request.deadline = core::Clock::Real().Now() + options_.request_timeout;
  request.aws_signing = options_.signing;
  return request;
}

void OtlpExporter::Post(std::string body, size_t spans) {
  if (TimeLeft() <= absl::ZeroDuration()) return counters_.Dropped(DropReason::kShutdown, spans);
  std::optional<http_client::Request> request = MakeRequest(std::move(body));
  if (!request) return counters_.Dropped(DropReason::kSendFailed, spans);
  Pending pending;
  pending.cancel = client_->Send(*std::move(request), [this, &pending](absl::StatusOr<http_client::Response> reply) {
    core::MutexLock lock(mutex_);
    pending.reply = std::move(reply);
    wake_.NotifyAll();
  });
  Await(&pending);
  if (!pending.reply->ok()) {
    if (absl::IsCancelled(pending.reply->status())) return counters_.Dropped(DropReason::kShutdown, spans);
    Failed(pending.reply->status());
    return counters_.Dropped(DropReason::kSendFailed, spans);
  }
  const http_client::Response& response = **pending.reply;
  if (response.status >= 300) {
    Failed(Refusal(response));
    return counters_.Dropped(DropReason::kRejected, spans);
  }
  failing_ = false;
  const uint64_t rejected = std::min<uint64_t>(spans, RejectedSpans(response.body));
  counters_.Dropped(DropReason::kRejected, rejected);
  counters_.Sent(spans - rejected);
}

void OtlpExporter::Failed(const absl::Status& status) {
  if (failing_) return;
  failing_ = true;
  core::Log(core::Severity::kWarning, "spans are not taken: what cannot be sent is dropped and counted",
            {{"error", core::ToStd(status.message())}});
}

void OtlpExporter::Await(Pending* pending) {
  core::MutexLock lock(mutex_);
  bool cancelled = false;
  while (!pending->reply) {
    const absl::Duration left = TimeLeft();
    if (left <= absl::ZeroDuration() && !cancelled) {
      cancelled = true;
      pending->cancel();
    }
    // The request has a deadline of its own: past our time its callback comes at once.
    wake_.WaitFor(lock, absl::ToChronoNanoseconds(std::clamp(left, absl::Milliseconds(10), absl::Seconds(1))));
  }
}

}  // namespace stratus::telemetry
