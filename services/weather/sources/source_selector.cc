#include "services/weather/sources/source_selector.h"

#include <future>
#include <utility>

#include "lib/core/log.h"

namespace stratus::weather {
namespace {

std::unique_ptr<Source> MakePreferred(const SourceOptions& options, http_client::Client* client,
                                      const core::Clock* clock) {
  if (!options.openweather.api_key.empty()) return MakeOpenWeather(options.openweather, client, clock);
  return MakeOpenMeteo(options.open_meteo, client, clock);
}

std::unique_ptr<Source> MakeSandbox(const SourceOptions& options, http_client::Client* client,
                                    const core::Clock* clock) {
  return MakeOpenMeteo({.domain = options.sandbox_url,
                        .geocoding_domain = options.sandbox_url,
                        .name = "sandbox",
                        .attribution = "Made-up weather of the development sandbox",
                        .attribution_url = ""},
                       client, clock);
}

}  // namespace

SourceSelector::SourceSelector(SourceOptions options, http_client::Client* client, const core::Clock* clock,
                               Later later)
    : options_(std::move(options)),
      later_(std::move(later)),
      preferred_(MakePreferred(options_, client, clock)),
      current_(preferred_.get()) {
  const bool may_fall_back =
      options_.development && !options_.sandbox_url.empty() && options_.openweather.api_key.empty();
  if (may_fall_back) {
    sandbox_ = MakeSandbox(options_, client, clock);
    auto reachable = std::make_shared<std::promise<bool>>();
    Probe([reachable](bool answer) { reachable->set_value(answer); });
    if (!reachable->get_future().get()) {
      core::Log(core::Severity::kWarning,
                "open-meteo cannot be reached: the sandbox answers with made-up weather until it can");
      current_.store(sandbox_.get(), std::memory_order_release);
      ProbeLater();
    }
  }
  core::Log(core::Severity::kInfo, "weather source chosen", {{"source", current().name()}});
}

// Asks for real data: a captive portal answers every address with a page.
void SourceSelector::Probe(std::function<void(bool reachable)> done) {
  preferred_->FetchRaw({options_.probe_place, "metric", "en"}, absl::Now() + options_.probe_timeout,
                       [done = std::move(done)](absl::StatusOr<RawReply> reply) {
                         // Too many requests is an answer too.
                         done(reply.ok() || reply.status().code() == absl::StatusCode::kResourceExhausted);
                       });
}

void SourceSelector::ProbeLater() {
  later_(options_.probe_interval, [this] {
    Probe([this](bool reachable) {
      if (!reachable) return ProbeLater();
      core::Log(core::Severity::kInfo, "open-meteo can be reached again and takes over from the sandbox");
      current_.store(preferred_.get(), std::memory_order_release);
    });
  });
}

}  // namespace stratus::weather
