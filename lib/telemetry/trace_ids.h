// Ids of traces and spans: hexadecimal digits from a CSPRNG. Bytes are made in blocks a thread, so that an id costs
// some nanoseconds and not a call of the generator. A process that forks without exec would share what is left of a
// block.
#pragma once

#include <array>
#include <cstddef>

namespace stratus::telemetry {

using TraceIdDigits = std::array<char, 32>;
using SpanIdDigits = std::array<char, 16>;

// Lower-case digits, never all zero.
SpanIdDigits NewSpanId();

// The first eight digits are the time in seconds since the epoch: X-Ray drops a segment whose trace id is a month old.
TraceIdDigits NewTraceId();

// Writes `count` random digits.
void WriteRandomDigits(char* out, size_t count);

}  // namespace stratus::telemetry
