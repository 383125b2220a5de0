// A report as bytes, for the cache that replicas share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/weather/domain/model.h"

namespace stratus::weather {

std::string EncodeReport(const SourceReport& report);

// Nothing for bytes that EncodeReport did not make: another version's, or a stranger's.
std::optional<SourceReport> DecodeReport(std::string_view bytes);

}  // namespace stratus::weather
