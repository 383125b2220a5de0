#include "services/weather/domain/day_summary.h"

#include <algorithm>

#include "services/weather/domain/condition.h"

namespace stratus::weather {
namespace {

using Optional = std::optional<double>;

void TakeMin(Optional& into, const Optional& value) {
  if (value && (!into || *value < *into)) into = value;
}
void TakeMax(Optional& into, const Optional& value) {
  if (value && (!into || *value > *into)) into = value;
}
void TakeSum(Optional& into, double value) { into = into.value_or(0) + value; }

// How much of the row's step, which ends at its time, lies inside the day: 0 to 1.
double ShareInside(const Observation& row, const LocalDay& day) {
  if (row.step <= absl::ZeroDuration()) return 0;
  const absl::Time from = std::max(row.time - row.step, day.start);
  const absl::Time to = std::min(row.time, day.end);
  return to <= from ? 0 : absl::FDivDuration(to - from, row.step);
}

void TakeInstant(DaySummary& summary, const Observation& row) {
  TakeMin(summary.values.temperature_min_c, row.temperature_c);
  TakeMax(summary.values.temperature_max_c, row.temperature_c);
  TakeMax(summary.values.uv_index_max, row.uv_index);
  TakeMax(summary.values.wind_gust_max_mps, row.wind_gust_mps);
  if (row.sky && (!summary.values.sky || Severity(row.sky->kind) > Severity(summary.values.sky->kind))) {
    summary.values.sky = row.sky;
  }
  if (!summary.data_start || row.time < *summary.data_start) summary.data_start = row.time;
}

void TakeSpan(DaySummary& summary, const Observation& row, const LocalDay& day) {
  const double share = ShareInside(row, day);
  if (share <= 0) return;
  if (row.precipitation_mm) TakeSum(summary.values.precipitation_sum_mm, *row.precipitation_mm * share);
  TakeMax(summary.values.precipitation_probability_max_percent, row.precipitation_probability_percent);
}

DaySummary FromRows(const SourceReport& report, const LocalDay& day) {
  DaySummary summary;
  for (const Observation& row : report.rows) {
    if (day.Contains(row.time)) TakeInstant(summary, row);
    TakeSpan(summary, row, day);
  }
  if (report.current && day.Contains(report.current->time)) TakeInstant(summary, *report.current);
  return summary;
}

template <typename T>
void Prefer(std::optional<T>& into, const std::optional<T>& value) {
  if (value) into = value;
}

}  // namespace

DaySummary SummarizeDay(const SourceReport& report, const LocalDay& day) {
  DaySummary summary = FromRows(report, day);
  // A source that counts in fixed offsets cuts a day with a clock change wrongly: its sums are not this day's.
  const auto own = std::find_if(report.days.begin(), report.days.end(), [&day](const DayValues& values) {
    return values.start == day.start && values.end == day.end;
  });
  if (own != report.days.end()) {
    Prefer(summary.values.temperature_min_c, own->temperature_min_c);
    Prefer(summary.values.temperature_max_c, own->temperature_max_c);
    Prefer(summary.values.precipitation_sum_mm, own->precipitation_sum_mm);
    Prefer(summary.values.precipitation_probability_max_percent, own->precipitation_probability_max_percent);
    Prefer(summary.values.uv_index_max, own->uv_index_max);
    Prefer(summary.values.wind_gust_max_mps, own->wind_gust_max_mps);
    Prefer(summary.values.sky, own->sky);
    summary.data_start = day.start;
  }
  summary.values.start = day.start;
  summary.values.end = day.end;
  return summary;
}

}  // namespace stratus::weather
