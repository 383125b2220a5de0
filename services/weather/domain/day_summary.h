// One local day of a report: the source's own sums where it cuts its days as we do, else sums over the rows.
#pragma once

#include <optional>

#include "services/weather/domain/local_day.h"
#include "services/weather/domain/model.h"

namespace stratus::weather {

struct DaySummary {
  DayValues values;
  // The first moment that the values cover; absent when the report knows nothing of the day.
  std::optional<absl::Time> data_start;
};

DaySummary SummarizeDay(const SourceReport& report, const LocalDay& day);

}  // namespace stratus::weather
