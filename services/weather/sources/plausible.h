// What nature does near the ground, with room to spare. A value outside is a source's mistake and is dropped.
#pragma once

#include "services/weather/sources/json_reader.h"

namespace stratus::weather::plausible {

inline constexpr json::Range kCelsius{-100, 70};
inline constexpr json::Range kPercent{0, 100};
inline constexpr json::Range kHectopascal{800, 1100};
inline constexpr json::Range kMetersPerSecond{0, 150};
inline constexpr json::Range kDegrees{0, 360};
inline constexpr json::Range kVisibilityMeters{0, 300'000};
inline constexpr json::Range kUvIndex{0, 60};
inline constexpr json::Range kMillimeters{0, 3000};
inline constexpr json::Range kLatitude{-90, 90};
inline constexpr json::Range kLongitude{-180, 180};
inline constexpr json::Range kElevationMeters{-500, 9000};
inline constexpr int kUtcOffsetSecondsMax = 15 * 3600;

}  // namespace stratus::weather::plausible
