#include "services/weather/sources/open_meteo.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/weather/domain/place_match.h"
#include "services/weather/sources/fetch.h"
#include "services/weather/sources/open_meteo_parse.h"

namespace stratus::weather {
namespace {

// Yesterday and a week, so that today and seven days can be cut in any zone a caller names.
constexpr char kPastDays[] = "1";
constexpr char kForecastDays[] = "8";
constexpr char kPlacesMax[] = "50";

class OpenMeteo final : public Source {
 public:
  OpenMeteo(OpenMeteoOptions options, http_client::Client* client, const core::Clock* clock)
      : options_(std::move(options)), fetcher_(client, clock, options_.name), clock_(clock) {}

  std::string_view name() const override { return options_.name; }
  int requests_per_report() const override { return 1; }
  std::string LanguageFor(std::string_view) const override { return "en"; }

  void FetchReport(const ReportRequest& request, absl::Time deadline, Done<SourceReport> done) override {
    const std::string url = UrlWithQuery(absl::StrCat(options_.domain, "/v1/forecast"),
                                         {{"latitude", DegreesText(request.where.latitude)},
                                          {"longitude", DegreesText(request.where.longitude)},
                                          {"current", open_meteo::kCurrentVariables},
                                          {"hourly", open_meteo::kHourlyVariables},
                                          {"daily", open_meteo::kDailyVariables},
                                          {"timezone", "auto"},
                                          {"timeformat", "unixtime"},
                                          {"wind_speed_unit", "ms"},
                                          {"past_days", kPastDays},
                                          {"forecast_days", kForecastDays}});
    fetcher_.Get(url, deadline, [this, where = request.where, done = std::move(done)](auto response) {
      if (!response.ok()) return done(response.status());
      done(Complete(open_meteo::ParseReport(options_.name, response->body), where));
    });
  }

  void FetchPlaces(const PlacesRequest& request, absl::Time deadline, Done<std::vector<PlaceInfo>> done) override {
    const std::pair<absl::string_view, absl::string_view> tag =
        absl::StrSplit(request.language, absl::MaxSplits('-', 1));
    const std::string language = tag.first.empty() ? "en" : absl::AsciiStrToLower(tag.first);
    const std::string url = UrlWithQuery(absl::StrCat(options_.geocoding_domain, "/v1/search"),
                                         // It takes a bare name: what follows a comma narrows the answer later.
                                         {{"name", ParsePlaceName(request.text).name},
                                          {"count", kPlacesMax},
                                          {"language", language},
                                          {"format", "json"}});
    fetcher_.Get(url, deadline, [this, done = std::move(done)](auto response) {
      if (!response.ok()) return done(response.status());
      done(open_meteo::ParsePlaces(options_.name, response->body));
    });
  }

  void FetchRaw(const RawRequest& request, absl::Time deadline, Done<RawReply> done) override {
    std::vector<std::pair<std::string, std::string>> parameters = {{"latitude", DegreesText(request.where.latitude)},
                                                                   {"longitude", DegreesText(request.where.longitude)},
                                                                   {"current", open_meteo::kCurrentVariables},
                                                                   {"timezone", "auto"}};
    // Open-Meteo has no kelvin: `standard` is metric there.
    if (request.units == "imperial") {
      parameters.insert(
          parameters.end(),
          {{"temperature_unit", "fahrenheit"}, {"wind_speed_unit", "mph"}, {"precipitation_unit", "inch"}});
    } else {
      parameters.emplace_back("wind_speed_unit", "ms");
    }
    fetcher_.Get(UrlWithQuery(absl::StrCat(options_.domain, "/v1/forecast"), parameters), deadline,
                 [this, done = std::move(done)](auto response) {
                   if (!response.ok()) return done(response.status());
                   if (absl::Status bad = CheckRawBody(options_.name, response->body); !bad.ok()) return done(bad);
                   done(RawReply{response->status, "application/json", std::move(response->body)});
                 });
  }

 private:
  absl::StatusOr<SourceReport> Complete(absl::StatusOr<SourceReport> report, const Coordinates& where) const {
    if (!report.ok()) return report;
    report->source = options_.name;
    report->language = "en";
    report->fetched_at = clock_->Now();
    report->place.coordinates = where;
    report->attribution = options_.attribution;
    report->attribution_url = options_.attribution_url;
    return report;
  }

  const OpenMeteoOptions options_;
  const Fetcher fetcher_;
  const core::Clock* const clock_;
};

}  // namespace

std::unique_ptr<Source> MakeOpenMeteo(OpenMeteoOptions options, http_client::Client* client, const core::Clock* clock) {
  return std::make_unique<OpenMeteo>(std::move(options), client, clock);
}

}  // namespace stratus::weather
