// Time zones by name, and by bare offset.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace stratus::weather {

// The zone of an IANA name such as `Asia/Ho_Chi_Minh` or `UTC`; nothing when the system's tzdata has none.
//
// Callers' names come here unchecked, so this is stricter than absl::LoadTimeZone, which would read any path, know the
// server's own zone as `localtime`, and remember every unknown name for ever.
std::optional<absl::TimeZone> FindTimeZone(std::string_view name);

// What the sun says where nobody tells the offset: the longitude's whole hours, within two hours of civil time nearly
// everywhere.
absl::Duration SolarOffset(double longitude_degrees);

// How a zone that is known only by its offset is called: `UTC+07:00`, `UTC-03:30`, `UTC+00:00`.
std::string OffsetName(absl::Duration utc_offset);

// A zone with that offset, cut to whole minutes, all year.
absl::TimeZone OffsetZone(absl::Duration utc_offset);

}  // namespace stratus::weather
