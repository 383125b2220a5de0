// The local calendar day: which instants it holds. Where clocks change it has 23, 25, or (Lord Howe) 23.5 or 24.5
// hours.
#pragma once

#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace stratus::weather {

struct LocalDay {
  absl::CivilDay date;
  absl::Time start;  // the first instant of the date
  absl::Time end;    // the first instant of a later date: [start, end)

  bool Contains(absl::Time time) const { return start <= time && time < end; }
};

// The day that `time` falls in.
LocalDay LocalDayAt(absl::Time time, const absl::TimeZone& zone);

// The next day that has any instants: a zone that jumps over the date line skips a whole date.
LocalDay NextDay(const LocalDay& day, const absl::TimeZone& zone);

// `YYYY-MM-DD`.
std::string DateText(const absl::CivilDay& date);

}  // namespace stratus::weather
