#include "services/weather/service/service_options.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::weather {
namespace {

constexpr int kCacheSecondsMax = 3600;
constexpr int kRequestsPerMinuteMax = 1'000'000;

// Reads variables one after the other and remembers the first thing that is wrong.
class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  std::optional<std::string> Text(const char* name) const {
    std::optional<std::string> value = environment_(name);
    if (value && value->empty()) value.reset();
    return value;
  }

  // An http or https address without a slash at its end.
  void Address(const char* name, std::string* into) {
    std::optional<std::string> value = Text(name);
    if (!value) return;
    while (absl::EndsWith(*value, "/")) value->pop_back();
    const bool printable =
        std::all_of(value->begin(), value->end(), [](unsigned char c) { return absl::ascii_isgraph(c); });
    if (!printable || !(absl::StartsWith(*value, "http://") || absl::StartsWith(*value, "https://"))) {
      return Fail(name, "expected an address that begins with https:// or http://");
    }
    *into = *value;
  }

  // One path segment or key: printable, and nothing that would end it.
  void Word(const char* name, std::string* into) {
    const std::optional<std::string> value = Text(name);
    if (!value) return;
    const bool plain = std::all_of(value->begin(), value->end(), [](unsigned char c) {
      return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
    });
    if (!plain) return Fail(name, "expected letters, digits, dots, dashes and underscores alone");
    *into = *value;
  }

  void Degrees(const char* name, double limit, std::optional<double>* into) {
    const std::optional<std::string> value = Text(name);
    if (!value) return;
    double degrees = 0;
    if (!absl::SimpleAtod(*value, &degrees) || !(std::abs(degrees) <= limit)) {
      return Fail(name, absl::StrCat("expected degrees from -", limit, " to ", limit));
    }
    *into = degrees;
  }

  void Integer(const char* name, int max, std::optional<int>* into) {
    const std::optional<std::string> value = Text(name);
    if (!value) return;
    int number = 0;
    if (!absl::SimpleAtoi(*value, &number) || number < 0 || number > max) {
      return Fail(name, absl::StrCat("expected a whole number from 0 to ", max));
    }
    *into = number;
  }

  void Fail(const char* name, std::string_view expected) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(absl::StrCat(name, ": ", core::ToAbsl(expected)));
  }
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  const absl::Status& status() const { return status_; }

 private:
  const Environment& environment_;
  absl::Status status_;
};

void ReadDefaultPlace(Reader& reader, Coordinates* place) {
  std::optional<double> latitude;
  std::optional<double> longitude;
  reader.Degrees("COORD_LATITUDE", 90, &latitude);
  reader.Degrees("COORD_LONGITUDE", 180, &longitude);
  if (latitude.has_value() != longitude.has_value() && reader.status().ok()) {
    reader.Fail(latitude ? "COORD_LONGITUDE" : "COORD_LATITUDE", "has to be set beside the other coordinate");
  }
  if (latitude && longitude) *place = {*latitude, *longitude};
}

void ReadSources(Reader& reader, SourceOptions* sources) {
  reader.Address("OPEN_WEATHER_DOMAIN", &sources->openweather.domain);
  reader.Word("OPEN_WEATHER_API_VERSION", &sources->openweather.api_version);
  reader.Word("OPEN_WEATHER_API_KEY", &sources->openweather.api_key);
  reader.Address("OPEN_METEO_DOMAIN", &sources->open_meteo.domain);
  reader.Address("OPEN_METEO_GEOCODING_DOMAIN", &sources->open_meteo.geocoding_domain);
  reader.Address("STRATUS_SANDBOX_URL", &sources->sandbox_url);
}

void ReadCache(Reader& reader, CoreOptions* core) {
  std::optional<int> seconds;
  reader.Integer("WEATHER_CACHE_SECONDS", kCacheSecondsMax, &seconds);
  if (seconds) core->reports.ttl = absl::Seconds(*seconds);
}

// The limits known are those of the providers' own hosts.
void ReadBudget(Reader& reader, const SourceOptions& sources, BudgetOptions* budget) {
  if (sources.openweather.domain != OpenWeatherOptions().domain) budget->openweather_per_minute = 0;
  if (sources.open_meteo.domain != OpenMeteoOptions().domain) budget->open_meteo_per_minute = 0;
  std::optional<int> per_minute;
  reader.Integer("WEATHER_REQUESTS_PER_MINUTE", kRequestsPerMinuteMax, &per_minute);
  if (per_minute) budget->openweather_per_minute = budget->open_meteo_per_minute = *per_minute;
}

}  // namespace

absl::StatusOr<ServiceOptions> ServiceOptionsFromEnvironment(const Environment& environment, bool development) {
  Reader reader(environment);
  ServiceOptions options;
  options.sources.development = development;
  ReadSources(reader, &options.sources);
  ReadDefaultPlace(reader, &options.core.default_place);
  options.sources.probe_place = options.core.default_place;
  ReadCache(reader, &options.core);
  ReadBudget(reader, options.sources, &options.core.budget);
  if (const auto url = reader.Text("REDIS_URL")) {
    absl::StatusOr<RedisAddress> redis = ParseRedisUrl(*url);
    if (redis.ok()) {
      options.redis = *std::move(redis);
    } else {
      reader.Fail(redis.status());
    }
  }
  if (!reader.status().ok()) return reader.status();
  return options;
}

}  // namespace stratus::weather
