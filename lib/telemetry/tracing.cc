#include "lib/telemetry/tracing.h"

#include <fstream>
#include <iterator>

#include "absl/memory/memory.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "lib/telemetry/central_rules.h"
#include "lib/telemetry/local_sampler.h"
#include "lib/telemetry/metrics.h"
#include "lib/telemetry/otlp_exporter.h"
#include "lib/telemetry/otlp_settings.h"
#include "lib/telemetry/sampling_poller.h"
#include "lib/telemetry/udp_exporter.h"

namespace stratus::telemetry {
namespace {

constexpr size_t kRulesFileMax = 1 << 20;

void Complain(std::string_view variable, const absl::Status& status) {
  core::Log(core::Severity::kWarning, "a setting of tracing is not used",
            {{"variable", variable}, {"error", core::ToStd(status.message())}});
}

absl::StatusOr<std::vector<SamplingRule>> ReadRules(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(path + ": cannot be read");
  std::string text(kRulesFileMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kRulesFileMax) return absl::InvalidArgumentError(path + ": is larger than 1 MiB");
  return ParseSamplingRulesFile(text);
}

void FindOrigin(const EnvironmentLookup& environment, TracingOptions* options) {
  const std::string host = environment("HOSTNAME").value_or("");
  const std::string runtime = environment("AWS_EXECUTION_ENV").value_or("");
  if (environment("ECS_CONTAINER_METADATA_URI_V4")) {
    options->origin = runtime == "AWS_ECS_FARGATE" ? "AWS::ECS::Fargate" : "AWS::ECS::Container";
    if (!host.empty()) options->aws.emplace_back("ecs.container", host);
  } else if (environment("KUBERNETES_SERVICE_HOST")) {
    options->origin = "AWS::EKS::Container";
    if (!host.empty()) options->aws.emplace_back("eks.pod", host);
  } else if (runtime == "EC2") {
    options->origin = "AWS::EC2::Instance";
  }
}

}  // namespace

TracingOptions TracingOptionsFrom(const EnvironmentLookup& environment) {
  TracingOptions options;
  if (const auto address = environment("AWS_XRAY_DAEMON_ADDRESS"); address && !address->empty()) {
    absl::StatusOr<DaemonAddress> parsed = ParseDaemonAddress(*address);
    if (parsed.ok()) {
      options.daemon = *std::move(parsed);
    } else {
      Complain("AWS_XRAY_DAEMON_ADDRESS", parsed.status());
    }
  }
  if (const auto path = environment("STRATUS_SAMPLING_RULES"); path && !path->empty()) {
    absl::StatusOr<std::vector<SamplingRule>> rules = ReadRules(*path);
    if (rules.ok()) {
      options.local_rules = *std::move(rules);
    } else {
      Complain("STRATUS_SAMPLING_RULES", rules.status());
    }
  }
  if (const absl::Status status = FindOtlpTarget(environment, &options); !status.ok()) {
    Complain("OTEL_EXPORTER_OTLP_ENDPOINT", status);
  }
  options.service_version = environment("STRATUS_VERSION").value_or("");
  FindOrigin(environment, &options);
  return options;
}

namespace {

class FanOut final : public SpanSink {
 public:
  explicit FanOut(std::vector<SpanSink*> sinks) : sinks_(std::move(sinks)) {}
  void Export(FinishedSpans finished) override {
    for (size_t i = 0; i + 1 < sinks_.size(); ++i) sinks_[i]->Export(finished);
    sinks_.back()->Export(std::move(finished));
  }

 private:
  const std::vector<SpanSink*> sinks_;  // not empty
};

void WriteExporter(const char* name, const ExportCounters& counters, size_t queued, Snapshot& out) {
  counters.Write(name, out);
  out.Gauge("stratus_trace_queue_spans", "Spans that wait to be sent.", static_cast<double>(queued),
            {{"exporter", name}});
}

}  // namespace

// Destroyed from the last one up: tracers, then those who decide, then where spans go.
struct Tracing::Parts {
  TracingOptions options;
  std::unique_ptr<UdpExporter> xray;
  std::unique_ptr<OtlpExporter> otlp;
  std::unique_ptr<FanOut> sink;  // null: tracing is off
  std::unique_ptr<LocalSampler> local;
  std::unique_ptr<CentralRules> central;
  std::unique_ptr<SamplingPoller> poller;
  std::vector<std::unique_ptr<Tracer>> tracers;

  Sampler* sampler() const { return central != nullptr ? static_cast<Sampler*>(central.get()) : local.get(); }
};

std::unique_ptr<Tracing> Tracing::Start(TracingOptions options) {
  auto parts = std::make_unique<Parts>();
  parts->options = std::move(options);
  std::vector<SpanSink*> sinks;
  if (parts->options.daemon) {
    UdpExporterOptions udp;
    udp.daemon = parts->options.daemon->udp;
    parts->xray = std::make_unique<UdpExporter>(std::move(udp));
    sinks.push_back(parts->xray.get());
  }
  if (!parts->options.otlp_url.empty()) {
    OtlpExporterOptions otlp;
    otlp.url = parts->options.otlp_url;
    otlp.headers = parts->options.otlp_headers;
    otlp.gzip = parts->options.otlp_gzip;
    otlp.signing = parts->options.otlp_signing;
    parts->otlp = std::make_unique<OtlpExporter>(std::move(otlp));
    sinks.push_back(parts->otlp.get());
  }
  if (!sinks.empty()) {
    parts->sink = std::make_unique<FanOut>(std::move(sinks));
    const std::vector<SamplingRule>& rules = parts->options.local_rules;
    parts->local = std::make_unique<LocalSampler>(rules.empty() ? FallbackRules() : rules);
    if (parts->options.daemon && parts->options.central_rules) {
      parts->central = std::make_unique<CentralRules>(parts->local.get(), &core::Clock::Real());
      parts->poller = std::make_unique<SamplingPoller>(parts->central.get(), parts->options.daemon->tcp);
    }
  }
  return absl::WrapUnique(new Tracing(std::move(parts)));
}

Tracing::Tracing(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Tracing::~Tracing() = default;

const Tracer* Tracing::TracerFor(std::string_view service_name) {
  if (parts_->sink == nullptr) return nullptr;
  auto resource = std::make_shared<Resource>();
  resource->service_name = service_name;
  resource->service_version = parts_->options.service_version;
  resource->origin = parts_->options.origin;
  resource->aws = parts_->options.aws;
  parts_->tracers.push_back(std::make_unique<Tracer>(std::move(resource), parts_->sampler(), parts_->sink.get()));
  return parts_->tracers.back().get();
}

void Tracing::WriteMetrics(Snapshot& out) const {
  if (parts_->xray != nullptr) WriteExporter("xray", parts_->xray->counters(), parts_->xray->queued(), out);
  if (parts_->otlp != nullptr) WriteExporter("otlp", parts_->otlp->counters(), parts_->otlp->queued(), out);
  if (parts_->poller != nullptr) {
    out.Counter("stratus_trace_sampling_failures_total",
                "Questions about sampling that the X-Ray daemon did not answer.",
                static_cast<double>(parts_->poller->failures()));
  }
}

void Tracing::Shutdown(absl::Duration limit) {
  if (parts_->xray != nullptr) parts_->xray->Shutdown(limit);
  if (parts_->otlp != nullptr) parts_->otlp->Shutdown(limit);
}

}  // namespace stratus::telemetry
