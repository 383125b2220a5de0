#include "services/weather/sources/openweather.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"
#include "services/weather/domain/place_match.h"
#include "services/weather/domain/region_names.h"
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
    {"zh-hk", "zh_tw", "zh-TW"},
    {"zh-mo", "zh_tw", "zh-TW"},
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

// The key of a language among the geocoder's `local_names`: ISO 639-1, unlike the codes above (`cs`, not `cz`).
std::string GeocoderLanguage(std::string_view tag) {
  const std::string wanted = absl::AsciiStrToLower(core::ToAbsl(tag.substr(0, tag.find('-'))));
  if (wanted.empty()) return "en";
  return wanted == "nb" ? "no" : wanted;
}

// What to ask the geocoder for: `City`, `City,COUNTRY` or `City,STATE,US`. Its own codes are all that it takes behind a
// comma. Two questions where the qualifier can be read both ways, as `London, CA` can; the bare name where it is
// neither.
std::vector<std::string> GeocoderQueries(const PlacesRequest& request) {
  const PlaceName wanted = ParsePlaceName(request.text);
  std::vector<std::string> queries;
  bool in_state = false;
  for (const std::string& qualifier : wanted.qualifiers) {
    const Subdivision* part = FindSubdivision(qualifier);
    if (part == nullptr || in_state) continue;
    in_state = true;
    const bool us = std::string_view(part->country) == "US";
    queries.push_back(us ? absl::StrCat(wanted.name, ",", part->code, ",US")
                         : absl::StrCat(wanted.name, ",", part->country));
  }
  for (const std::string& qualifier : wanted.qualifiers) {
    const std::string country = CountryCode(qualifier, request.language);
    // `Paris, TX, US`: the state says it all.
    if (country.empty() || (in_state && wanted.qualifiers.size() > 1)) continue;
    queries.push_back(absl::StrCat(wanted.name, ",", country));
    break;
  }
  if (queries.empty()) queries.push_back(wanted.name);
  return queries;
}

// The geocoder lives beside /data, on the same host.
std::string GeocoderUrl(absl::string_view domain) {
  absl::ConsumeSuffix(&domain, "/data");
  return absl::StrCat(domain, "/geo/1.0/direct");
}

// Several answers make a whole; the first error ends it.
class Join {
 public:
  using Done = std::function<void(absl::StatusOr<std::vector<std::string>>)>;

  Join(size_t count, Done done) : done_(std::move(done)), bodies_(count) {}

  void Take(size_t slot, absl::StatusOr<http_client::Response> response) {
    bool complete = false;
    absl::Status error;
    {
      core::MutexLock lock(mutex_);
      if (ended_) return;
      if (response.ok()) {
        bodies_[slot] = std::move(response->body);
        complete = ++arrived_ == bodies_.size();
      } else {
        error = response.status();
      }
      ended_ = complete || !error.ok();
    }
    if (!error.ok()) return done_(error);
    // Nobody touches the bodies any more: all have come.
    if (complete) done_(std::move(bodies_));
  }

 private:
  const Done done_;
  core::Mutex mutex_;
  std::vector<std::string> bodies_;
  size_t arrived_ = 0;
  bool ended_ = false;
};

class OpenWeather final : public Source {
 public:
  OpenWeather(OpenWeatherOptions options, http_client::Client* client, const core::Clock* clock)
      : options_(std::move(options)), fetcher_(client, clock, kName), clock_(clock) {}

  std::string_view name() const override { return kName; }
  int requests_per_report() const override { return 2; }
  std::string LanguageFor(std::string_view tag) const override { return FindLanguage(tag).shown; }

  int requests_per_search(const PlacesRequest& request) const override {
    return static_cast<int>(GeocoderQueries(request).size());
  }

  void FetchReport(const ReportRequest& request, absl::Time deadline, Done<SourceReport> done) override {
    std::vector<std::string> urls;
    for (const char* path : {"/weather", "/forecast"}) {
      urls.push_back(DataUrl(path, request.where, "metric", request.language));
    }
    FetchAll(urls, deadline, [this, request, done = std::move(done)](absl::StatusOr<std::vector<std::string>> bodies) {
      if (!bodies.ok()) return done(bodies.status());
      done(Complete(openweather::ParseReport(bodies->front(), bodies->back()), request));
    });
  }

  void FetchPlaces(const PlacesRequest& request, absl::Time deadline, Done<std::vector<PlaceInfo>> done) override {
    std::vector<std::string> urls;
    for (const std::string& query : GeocoderQueries(request)) {
      urls.push_back(UrlWithQuery(GeocoderUrl(options_.domain),
                                  {{"q", query}, {"limit", kPlacesMax}, {"appid", options_.api_key}}));
    }
    FetchAll(urls, deadline,
             [language = GeocoderLanguage(request.language),
              done = std::move(done)](absl::StatusOr<std::vector<std::string>> bodies) {
               if (!bodies.ok()) return done(bodies.status());
               std::vector<PlaceInfo> all;
               for (const std::string& body : *bodies) {
                 auto places = openweather::ParsePlaces(body, language);
                 if (!places.ok()) return done(places.status());
                 std::move(places->begin(), places->end(), std::back_inserter(all));
               }
               done(std::move(all));
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
  void FetchAll(const std::vector<std::string>& urls, absl::Time deadline, Join::Done done) const {
    auto join = std::make_shared<Join>(urls.size(), std::move(done));
    for (size_t slot = 0; slot < urls.size(); ++slot) {
      fetcher_.Get(urls[slot], deadline, [join, slot](auto response) { join->Take(slot, std::move(response)); });
    }
  }

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
