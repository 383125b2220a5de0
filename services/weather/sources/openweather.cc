#include "services/weather/sources/openweather.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"
#include "services/weather/sources/fetch.h"
#include "services/weather/sources/openweather_parse.h"
#include "services/weather/sources/upstream_error.h"

namespace stratus::weather {
namespace {

constexpr char kName[] = "openweather";
constexpr char kPlacesMax[] = "5";  // the geocoder gives no more

// OpenWeather's language codes (openweathermap.org/current#multi) by BCP 47 tag in lower case, where the two differ or
// the tag has a region. Every other supported one is its own tag.
struct Language {
  const char* tag;
  const char* code;
  const char* shown;
};
constexpr Language kLanguages[] = {
    {"sq", "al", "sq"},
    {"cs", "cz", "cs"},
    {"ko", "kr", "ko"},
    {"lv", "la", "lv"},
    {"pt-br", "pt_br", "pt-BR"},
    {"sv", "sv", "sv"},
    {"uk", "uk", "uk"},
    {"es", "es", "es"},
    {"zh", "zh_cn", "zh-CN"},
    {"zh-cn", "zh_cn", "zh-CN"},
    {"zh-hans", "zh_cn", "zh-CN"},
    {"zh-tw", "zh_tw", "zh-TW"},
    {"zh-hant", "zh_tw", "zh-TW"},
    {"nb", "no", "no"},
    {"af", "af", "af"},
    {"ar", "ar", "ar"},
    {"az", "az", "az"},
    {"eu", "eu", "eu"},
    {"be", "be", "be"},
    {"bg", "bg", "bg"},
    {"ca", "ca", "ca"},
    {"hr", "hr", "hr"},
    {"da", "da", "da"},
    {"nl", "nl", "nl"},
    {"en", "en", "en"},
    {"fi", "fi", "fi"},
    {"fr", "fr", "fr"},
    {"gl", "gl", "gl"},
    {"de", "de", "de"},
    {"el", "el", "el"},
    {"he", "he", "he"},
    {"hi", "hi", "hi"},
    {"hu", "hu", "hu"},
    {"is", "is", "is"},
    {"id", "id", "id"},
    {"it", "it", "it"},
    {"ja", "ja", "ja"},
    {"ku", "ku", "ku"},
    {"lt", "lt", "lt"},
    {"mk", "mk", "mk"},
    {"no", "no", "no"},
    {"fa", "fa", "fa"},
    {"pl", "pl", "pl"},
    {"pt", "pt", "pt"},
    {"ro", "ro", "ro"},
    {"ru", "ru", "ru"},
    {"sr", "sr", "sr"},
    {"sk", "sk", "sk"},
    {"sl", "sl", "sl"},
    {"th", "th", "th"},
    {"tr", "tr", "tr"},
    {"vi", "vi", "vi"},
    {"zu", "zu", "zu"},
};

// The longest prefix of the tag that OpenWeather has; English when it has none.
const Language& FindLanguage(std::string_view tag) {
  std::string wanted = absl::AsciiStrToLower(core::ToAbsl(tag));
  while (!wanted.empty()) {
    const auto* found = std::find_if(std::begin(kLanguages), std::end(kLanguages),
                                     [&wanted](const Language& language) { return wanted == language.tag; });
    if (found != std::end(kLanguages)) return *found;
    const size_t dash = wanted.rfind('-');
    wanted.resize(dash == std::string::npos ? 0 : dash);
  }
  return FindLanguage("en");
}

// The geocoder lives beside /data, on the same host.
std::string GeocoderUrl(absl::string_view domain) {
  absl::ConsumeSuffix(&domain, "/data");
  return absl::StrCat(domain, "/geo/1.0/direct");
}

// Two answers make a report; the first error ends it.
class ReportJoin {
 public:
  explicit ReportJoin(Source::Done<SourceReport> done) : done_(std::move(done)) {}

  // `slot`: 0 for /weather, 1 for /forecast.
  template <typename Finish>
  void Take(int slot, absl::StatusOr<http_client::Response> response, const Finish& finish) {
    bool complete = false;
    absl::Status error;
    {
      core::MutexLock lock(mutex_);
      if (ended_) return;
      if (response.ok()) {
        bodies_[slot] = std::move(response->body);
        complete = ++arrived_ == 2;
      } else {
        error = response.status();
      }
      ended_ = complete || !error.ok();
    }
    if (!error.ok()) return done_(error);
    // Nobody touches the bodies any more: both have come.
    if (complete) done_(finish(bodies_[0], bodies_[1]));
  }

 private:
  const Source::Done<SourceReport> done_;
  core::Mutex mutex_;
  std::string bodies_[2];
  int arrived_ = 0;
  bool ended_ = false;
};

class OpenWeather final : public Source {
 public:
  OpenWeather(OpenWeatherOptions options, http_client::Client* client, const core::Clock* clock)
      : options_(std::move(options)), fetcher_(client, kName), clock_(clock) {}

  std::string_view name() const override { return kName; }
  int requests_per_report() const override { return 2; }
  std::string LanguageFor(std::string_view tag) const override { return FindLanguage(tag).shown; }

  void FetchReport(const ReportRequest& request, absl::Time deadline, Done<SourceReport> done) override {
    auto join = std::make_shared<ReportJoin>(std::move(done));
    const auto finish = [this, request](std::string_view weather, std::string_view forecast) {
      return Complete(openweather::ParseReport(weather, forecast), request);
    };
    int slot = 0;
    for (const char* path : {"/weather", "/forecast"}) {
      fetcher_.Get(DataUrl(path, request.where, "metric", request.language), deadline,
                   [join, finish, slot](auto response) { join->Take(slot, std::move(response), finish); });
      ++slot;
    }
  }

  void FetchPlaces(const PlacesRequest& request, absl::Time deadline, Done<std::vector<PlaceInfo>> done) override {
    const std::string url = UrlWithQuery(GeocoderUrl(options_.domain),
                                         {{"q", request.text}, {"limit", kPlacesMax}, {"appid", options_.api_key}});
    const char* language = FindLanguage(request.language).code;
    fetcher_.Get(url, deadline, [done = std::move(done), language](auto response) {
      if (!response.ok()) return done(response.status());
      done(openweather::ParsePlaces(response->body, language));
    });
  }

  void FetchRaw(const RawRequest& request, absl::Time deadline, Done<RawReply> done) override {
    fetcher_.Get(DataUrl("/weather", request.where, request.units, request.language), deadline,
                 [this, done = std::move(done)](auto response) {
                   if (!response.ok()) return done(response.status());
                   if (absl::Status bad = CheckRawBody(kName, response->body); !bad.ok()) return done(bad);
                   // A proxy's echo of our URL holds the key.
                   if (response->body.find(options_.api_key) != std::string::npos) {
                     return done(BadAnswer(kName, "it repeats the request"));
                   }
                   done(RawReply{response->status, "application/json; charset=utf-8", std::move(response->body)});
                 });
  }

 private:
  std::string DataUrl(const char* path, const Coordinates& where, const std::string& units,
                      const std::string& language) const {
    return UrlWithQuery(absl::StrCat(options_.domain, "/", options_.api_version, path),
                        {{"lat", DegreesText(where.latitude)},
                         {"lon", DegreesText(where.longitude)},
                         {"units", units},
                         {"lang", FindLanguage(language).code},
                         {"appid", options_.api_key}});
  }

  absl::StatusOr<SourceReport> Complete(absl::StatusOr<SourceReport> report, const ReportRequest& request) const {
    if (!report.ok()) return report;
    report->source = kName;
    report->language = FindLanguage(request.language).shown;
    report->fetched_at = clock_->Now();
    report->place.coordinates = request.where;
    report->attribution = "Weather data provided by OpenWeather";
    report->attribution_url = "https://openweathermap.org/";
    return report;
  }

  const OpenWeatherOptions options_;
  const Fetcher fetcher_;
  const core::Clock* const clock_;
};

}  // namespace

std::unique_ptr<Source> MakeOpenWeather(OpenWeatherOptions options, http_client::Client* client,
                                        const core::Clock* clock) {
  return std::make_unique<OpenWeather>(std::move(options), client, clock);
}

}  // namespace stratus::weather
