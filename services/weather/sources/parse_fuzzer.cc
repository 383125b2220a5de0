// Whatever a source sends, parsing ends, and what is made of it can be shown and kept.
#include <cstdint>
#include <string_view>

#include "absl/time/time.h"
#include "services/weather/domain/reply.h"
#include "services/weather/service/report_codec.h"
#include "services/weather/sources/open_meteo_parse.h"
#include "services/weather/sources/openweather_parse.h"

namespace {

void Show(absl::StatusOr<stratus::weather::SourceReport> report) {
  if (!report.ok()) return;
  report->source = "fuzz";
  const absl::Time now = report->current->time;
  stratus::weather::BuildToday(*report, {}, {}, report->place, now);
  stratus::weather::BuildForecast(*report, {}, report->place, now);
  if (!stratus::weather::DecodeReport(stratus::weather::EncodeReport(*report))) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Show(stratus::weather::open_meteo::ParseReport("fuzz", text));
  (void)stratus::weather::open_meteo::ParsePlaces("fuzz", text);
  (void)stratus::weather::openweather::ParsePlaces(text, "en");
  // OpenWeather's two answers, parted by a zero byte.
  const size_t zero = text.find('\0');
  const std::string_view rest = zero == std::string_view::npos ? text : text.substr(zero + 1);
  Show(stratus::weather::openweather::ParseReport(text.substr(0, zero), rest));
  (void)stratus::weather::DecodeReport(text);
  return 0;
}
