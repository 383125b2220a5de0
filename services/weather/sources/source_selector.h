// Which source answers (design.md, decision 10): OpenWeather where a key is set; else Open-Meteo; else, only in the
// development profile and only where a sandbox is configured, the sandbox, until Open-Meteo can be reached.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "lib/core/clock.h"
#include "services/weather/sources/open_meteo.h"
#include "services/weather/sources/openweather.h"
#include "services/weather/sources/source.h"

namespace stratus::weather {

struct SourceOptions {
  OpenWeatherOptions openweather;  // used when its api_key is set
  OpenMeteoOptions open_meteo;
  // Base under which `/v1/forecast` and `/v1/search` answer in Open-Meteo's shape. Empty: no sandbox.
  std::string sandbox_url;
  bool development = false;
  // Where reachability is tried.
  Coordinates probe_place;
  absl::Duration probe_timeout = absl::Seconds(2);
  absl::Duration probe_interval = absl::Seconds(30);
};

class SourceSelector {
 public:
  // Runs a callback once after a while; whoever implements it drops callbacks before the selector goes.
  using Later = std::function<void(absl::Duration, std::function<void()>)>;

  // Takes up to probe_timeout when there is a sandbox to fall back on, else no time. `client` and `clock` outlive the
  // selector.
  SourceSelector(SourceOptions options, http_client::Client* client, const core::Clock* clock, Later later);

  // The source to ask now. Lives as long as the selector.
  Source& current() const { return *current_.load(std::memory_order_acquire); }

 private:
  void Probe(std::function<void(bool reachable)> done);
  void ProbeLater();

  const SourceOptions options_;
  const Later later_;
  std::unique_ptr<Source> preferred_;
  std::unique_ptr<Source> sandbox_;
  std::atomic<Source*> current_;
};

}  // namespace stratus::weather
