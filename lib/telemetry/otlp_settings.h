// Where OTLP goes, read from the environment (tracing.h lists the variables).
#pragma once

#include "lib/telemetry/tracing.h"

namespace stratus::telemetry {

// Sets what options->otlp_* are. The error names the variable and what is wrong with it, never a value that may be a
// secret; `*options` is then as it was.
absl::Status FindOtlpTarget(const EnvironmentLookup& environment, TracingOptions* options);

}  // namespace stratus::telemetry
